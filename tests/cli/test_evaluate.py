import json
from pathlib import Path

from .conftest import Diptych

MEASURES = {"map", "map@50", "p@10", "ndcg@10", "r@1", "r@5", "r@10", "median_rank"}


def test_the_object_has_both_directions_every_space_and_the_fusion(diptych: Diptych, run: Path, tiny_set: Path) -> None:
    figures = json.loads(diptych("evaluate", run, "--data", tiny_set, "--json").out)
    assert figures["image_to_text"].keys() == figures["text_to_image"].keys() == MEASURES
    assert figures["spaces"].keys() == {"visual", "textual"}
    assert figures["spaces"]["visual"].keys() == {"image_to_text_map", "text_to_image_map", "average_map"}
    assert {"rule", "weight", "chosen_on"} <= figures["fusion"].keys()
    assert (figures["method"], figures["preset"], figures["data"], figures["split"]) == (
        "mcsm", "default", "tiny", "test",
    )  # fmt: skip
    assert figures["split_seed"] is None
    both = [figures[direction]["map"] for direction in ("image_to_text", "text_to_image")]
    assert abs(figures["average_map"] - sum(both) / 2) < 1e-9


def test_the_table_sets_the_spaces_the_fusion_and_chance_side_by_side(diptych: Diptych, run: Path) -> None:
    out = diptych("evaluate", run).out
    assert "mcsm (default) on tiny, test: 4 pictures, 4 texts" in out
    for word in ("visual space", "textual space", "fused (", "chance", "image → text", "median_rank"):
        assert word in out


def test_scores_and_curves_are_saved_below_the_run_or_where_one_says(
    diptych: Diptych, run: Path, tmp_path: Path
) -> None:
    diptych("evaluate", run, "--split", "val")
    diptych("evaluate", run, "--save", tmp_path / "there")
    for folder in (run / "evaluations" / "own-val", tmp_path / "there"):
        assert {path.name for path in folder.iterdir()} == {"evaluation.json", "queries.npz", "precision-recall.png"}


def test_every_text_can_be_an_item_of_its_own(diptych: Diptych, run: Path) -> None:
    assert "4 pictures, 8 texts" in diptych("evaluate", run, "--texts", "each").out


def test_texts_are_joined_or_each_and_nothing_else(diptych: Diptych, run: Path) -> None:
    done = diptych("evaluate", run, "--texts", "both")
    assert done.code == 2
    assert "'both' is not one of 'joined', 'each'." in done.err


def test_a_split_that_is_not_there_is_named_with_those_that_are(diptych: Diptych, run: Path) -> None:
    done = diptych("evaluate", run, "--split", "tests")
    assert done.code == 2
    assert "tiny has no split 'tests'; it has train, val, test." in done.err


def test_a_folder_that_is_no_run_is_refused(diptych: Diptych, tmp_path: Path) -> None:
    done = diptych("evaluate", tmp_path)
    assert done.code == 2
    assert done.err.startswith("Error: ")
    assert "config.json" in done.err


def test_another_rule_of_fusion_can_be_asked_for(diptych: Diptych, run: Path) -> None:
    figures = json.loads(diptych("evaluate", run, "--fusion", "rrf", "--json").out)
    assert figures["fusion"]["rule"] == "rrf"
    assert "Did you mean 'zscore'?" in diptych("evaluate", run, "--fusion", "zscor").err


def test_folds_are_galleries_of_their_own(diptych: Diptych, run: Path) -> None:
    whole, folded = (json.loads(diptych("evaluate", run, "--json", *more).out) for more in ((), ("--folds", 2)))
    assert "folds" not in whole
    assert folded["folds"] == 2
    assert folded["items"] == whole["items"]
    assert folded["chance_map"] > whole["chance_map"]
    assert "folds: 2" in diptych("evaluate", run, "--folds", 2).out
    assert diptych("evaluate", run, "--folds", 5000).code == 2
