import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from diptych.errors import BadCheckpoint, BadData, BadSetting, BadText, MissingData, UnknownName
from diptych.retriever import Retriever

SETTINGS = (
    "image_encoder.side=64",
    *("training.epochs=2", "training.batch=5"),
    *(f"{space}.{name}=16" for space in ("visual", "textual") for name in ("width", "hidden")),
    "visual.reduce=0",
)
SMALL = {"image_encoder": "efficientnet-lite0", "text_encoder": "glove", "settings": SETTINGS}
"""A model that learns in a second."""


def train(data: Any, out: Path, **changes: Any) -> Retriever:
    return Retriever.train("mcsm", data, out=out, **{**SMALL, **changes})


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Share one cache among all tests of this file."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIPTYCH_CACHE", str(folder))
        patch.setenv("DIPTYCH_THREADS", "1")
        yield folder


@pytest.fixture(scope="module")
def trained(tiny_set: Path, own_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    """Return a method trained on 16 red squares and blue discs."""
    return train(tiny_set, tmp_path_factory.mktemp("runs") / "tiny")


@pytest.fixture
def museum(tiny_set: Path, tmp_path: Path) -> Path:
    """Return a copy of the tiny data set under the name museum, to be changed."""
    return shutil.copytree(tiny_set, tmp_path / "museum")


def rewrite(folder: Path, **changes: Any) -> None:
    """Change the rows of a copied data set: a function of the row for each field; None leaves the field out."""
    lines = []
    for line in (folder / "pairs.jsonl").read_text().splitlines():
        row = json.loads(line)
        row |= {name: change(dict(row)) for name, change in changes.items()}
        lines.append(json.dumps({name: value for name, value in row.items() if value is not None}))
    (folder / "pairs.jsonl").write_text("\n".join(lines) + "\n")


def draw_wikipedia(folder: Path) -> Path:
    """Write a tree in Wikipedia's official layout, without pictures and without the order of MCSM."""
    (folder / "texts").mkdir(parents=True)
    (folder / "features").mkdir()
    (folder / "categories.list").write_text("art\nbiology\n")
    words = ("a painting by an old master", "a fish with two fins")
    for name, count in (("train", 12), ("test", 12)):
        rows = [f"{name}{k}\tpicture-{name}{k}\t{k % 2 + 1}" for k in range(count)]
        (folder / f"{name}set_txt_img_cat.list").write_text("\n".join(rows) + "\n")
        for k in range(count):
            (folder / "texts" / f"{name}{k}.xml").write_text(f"<text>{words[k % 2]}, number {k}</text>")
    random = np.random.default_rng(0)
    tables = {
        f"{kind}_{split}": random.random((12, width)) for kind, width in (("I", 8), ("T", 4)) for split in ("tr", "te")
    }
    savemat(folder / "features" / "raw_features.mat", tables)
    return folder


@pytest.fixture(scope="module")
def one_space(own_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    """Return a method trained on articles, its pictures being precomputed vectors without regions."""
    folder = draw_wikipedia(tmp_path_factory.mktemp("wiki") / "tree")
    settings = ("training.epochs=1", "textual.width=16", "textual.hidden=8")
    return train(f"wikipedia:{folder}", folder.parent / "run", image_encoder="given", settings=settings)


def test_an_evaluation_has_every_promised_figure(trained: Retriever, tmp_path: Path) -> None:
    figures = trained.evaluate(save=tmp_path / "test").as_dict()
    assert figures.keys() == {
        "method", "preset", "data", "split", "split_seed", "items", "image_to_text", "text_to_image", "average_map",
        "spaces", "fusion", "chance_map", "notes", "texts", "unknown_words", "relevant", "recall_sum",
    }  # fmt: skip
    assert figures == figures | {
        "method": "mcsm", "preset": "default", "data": "tiny", "split": "test", "split_seed": None, "texts": "joined",
        "items": {"images": 4, "texts": 4}, "fusion": {"rule": "product", "weight": None, "chosen_on": None},
        "notes": [],
    }  # fmt: skip
    assert figures["spaces"].keys() == {"visual", "textual"}
    assert 0 < figures["average_map"] <= 1
    assert json.loads((tmp_path / "test" / "evaluation.json").read_text()) == figures
    assert {path.name for path in (tmp_path / "test").iterdir()} == {
        "evaluation.json", "queries.npz", "precision-recall.png"
    }  # fmt: skip


def test_a_run_folder_holds_everything_about_the_run(trained: Retriever) -> None:
    run = trained.folder
    assert {path.name for path in run.path.iterdir()} == {
        "config.json", "metrics.jsonl", "model.safetensors", "result.json", "training.png"
    }  # fmt: skip
    assert run.config().encoders.image.name == "efficientnet-lite0"
    assert run.config().settings["training"]["epochs"] == 2
    assert run.result().classes == ("disc", "square")
    assert run.result().fusion.rules.keys() >= {"product", "released", "linear", "geometric", "zscore", "rrf"}
    assert len(run.metrics()) == 2


def test_unknown_words_are_told_with_the_figures(trained: Retriever, tiny_set: Path, tmp_path: Path) -> None:
    strange = shutil.copytree(tiny_set, tmp_path / "strange")
    lines = (strange / "pairs.jsonl").read_text(encoding="utf-8").replace("number", "nnuummbb")
    (strange / "pairs.jsonl").write_text(lines, encoding="utf-8")
    figures = trained.evaluate(str(strange)).as_dict()
    assert 0.1 < figures["unknown_words"] < 0.5
    assert f"{figures['unknown_words']:.1%} of the words are unknown to the text encoder" in figures["notes"]


def test_a_loaded_run_measures_exactly_what_it_did_when_trained(trained: Retriever) -> None:
    loaded = Retriever.load(trained.folder.path)
    assert loaded.evaluate().as_dict() == trained.evaluate().as_dict()
    for direction, scores in loaded.evaluate().scores["fused"].items():
        np.testing.assert_array_equal(scores.ap, trained.evaluate().scores["fused"][direction].ap)


def test_every_text_by_itself_makes_more_items(trained: Retriever) -> None:
    figures = trained.evaluate(texts="each").as_dict()
    assert (figures["texts"], figures["items"]) == ("each", {"images": 4, "texts": 8})


def test_a_weight_that_was_chosen_on_validation_data_is_told(trained: Retriever) -> None:
    fusion = trained.evaluate(fusion="linear").as_dict()["fusion"]
    assert fusion == {
        "rule": "linear",
        "weight": trained.result.fusion.rules["linear"].weight,
        "chosen_on": "val",
    }
    assert 0 <= fusion["weight"] <= 1


def test_a_text_finds_pictures(trained: Retriever) -> None:
    results = trained.search(text="a red square", k=3)
    assert len(results.hits) == 3
    assert [hit.similarity for hit in results.hits] == sorted((hit.similarity for hit in results.hits), reverse=True)
    assert results.hits[0].spaces.keys() == {"visual", "textual"}
    assert results.query == "a red square"


def test_a_picture_finds_texts_within_a_split(trained: Retriever, tiny_set: Path) -> None:
    results = trained.search(image=tiny_set / "21.png", split="test")
    assert {hit.id for hit in results.hits} == {"p20", "p21", "p22", "p23"}
    assert results.query == tiny_set / "21.png"


def test_another_data_set_can_be_searched_and_measured(trained: Retriever, museum: Path) -> None:
    assert trained.evaluate(str(museum)).as_dict()["data"] == "museum"
    assert str(museum) in str(trained.search(str(museum), text="a disc", k=1).hits[0].image)


def test_a_picture_that_was_searched_by_its_own_text_is_scored_as_in_the_evaluation(trained: Retriever) -> None:
    hits = trained.search(text="a red square", k=99, fusion="linear").hits
    best = trained.search(text="a red square", k=1, fusion="linear").hits
    assert hits[0] == best[0]
    assert len(hits) == 24


@pytest.mark.parametrize("k", [0, -1])
def test_at_least_one_hit_is_asked_for(k: int, trained: Retriever) -> None:
    with pytest.raises(BadSetting, match=f"k must be at least 1 and offset at least 0; got {k} and 0"):
        trained.search(text="a disc", k=k)


def test_a_search_needs_something_to_look_for(trained: Retriever) -> None:
    with pytest.raises(BadSetting, match="a search needs a text, an image or the id of an item; pass at least one"):
        trained.search()
    with pytest.raises(UnknownName, match=r"search options has no entry 'txet'\. Did you mean 'text'"):
        trained.search(txet="a disc")
    with pytest.raises(BadText, match=r"the text to search for is empty. Write a few words"):
        trained.search(text=" ")


def test_the_released_fusion_cannot_answer_a_single_text(trained: Retriever, tiny_set: Path) -> None:
    with pytest.raises(BadSetting, match=r"'released' ranks a text against all other texts.*Search with another: --f"):
        trained.search(text="a disc", fusion="released")
    assert len(trained.search(image=tiny_set / "1.png", fusion="released", k=2).hits) == 2


def test_a_split_that_is_not_there_is_answered_with_those_that_are(trained: Retriever) -> None:
    with pytest.raises(MissingData, match="tiny has no split 'dev'; it has train, val, test"):
        trained.evaluate(split="dev")


def test_texts_are_joined_or_each(trained: Retriever) -> None:
    with pytest.raises(Exception, match="joined"):
        trained.evaluate(texts="all")  # type: ignore[arg-type]


def test_another_split_than_that_of_training_is_noted_also_for_a_path(trained: Retriever, tiny_set: Path) -> None:
    figures = trained.evaluate(str(tiny_set), split_seed=3).as_dict()
    assert figures["split_seed"] == 3
    assert figures["notes"] == ["trained under another split: some of these pairs were trained on"]


def test_a_data_set_that_changed_since_is_noted(museum: Path, tmp_path: Path) -> None:
    run = train(museum, tmp_path / "run", settings=(*SETTINGS, "training.epochs=1"))
    rewrite(museum, texts=lambda row: [*row["texts"], "one more"])
    assert run.evaluate().as_dict()["notes"] == ["the data set has changed since it was trained on"]


def test_a_run_under_a_split_seed_is_measured_under_it_however_its_data_are_named(
    tiny_set: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = train(tiny_set, tmp_path / "run", split_seed=5, settings=(*SETTINGS, "training.epochs=1"))
    monkeypatch.chdir(tiny_set.parent)
    for data in (None, str(tiny_set), "./tiny"):
        figures = run.evaluate(data).as_dict()
        assert (figures["split_seed"], figures["notes"]) == (5, [])


def test_without_categories_partners_are_right_and_the_result_says_so(museum: Path, tmp_path: Path) -> None:
    rewrite(museum, category=lambda row: None)
    run = train(museum, tmp_path / "run")
    figures = run.evaluate().as_dict()
    assert figures["notes"] == ["no categories: partners alone are relevant"]
    assert run.result.classes == ()
    assert (run.config.relevant, run.config.texts) == ("partner", "each")
    assert figures["items"] == {"images": 4, "texts": 8}
    joined = run.evaluate(texts="joined")
    assert joined.chance == pytest.approx((1 + 1 / 2 + 1 / 3 + 1 / 4) / 4)


def test_where_partners_count_every_text_trains_and_recall_is_watched(tiny_set: Path, tmp_path: Path) -> None:
    run = train(tiny_set, tmp_path / "run", relevant="partner")
    assert (run.config.relevant, run.config.texts) == ("partner", "each")
    lines = run.folder.metrics()
    assert all("validation_recall" in line and "validation_map" not in line for line in lines)
    figures = run.evaluate(split="val").as_dict()
    assert (figures["relevant"], figures["texts"]) == ("partner", "each")
    assert figures["items"] == {"images": 4, "texts": 8}
    kept = lines[run.result.epoch - 1]["validation_recall"]
    assert kept == pytest.approx(figures["recall_sum"] / 6)
    again = train(tiny_set, tmp_path / "joined", relevant="partner", texts="joined")
    assert again.evaluate().as_dict()["items"] == {"images": 4, "texts": 4}


def test_by_both_the_mean_of_map_and_mean_recall_is_watched(tiny_set: Path, tmp_path: Path) -> None:
    run = train(tiny_set, tmp_path / "run", relevant="both")
    assert (run.config.relevant, run.config.texts) == ("both", "each")
    figures = run.evaluate(split="val").as_dict()
    kept = run.folder.metrics()[run.result.epoch - 1]["validation_map_and_recall"]
    assert kept == pytest.approx((figures["average_map"] + figures["recall_sum"] / 6) / 2)


def test_a_run_is_evaluated_by_another_relevance_on_request(trained: Retriever) -> None:
    by_category, by_partner = (trained.evaluate(relevant=each).as_dict() for each in ("category", "partner"))
    assert by_category == trained.evaluate().as_dict()
    assert (by_partner["relevant"], by_partner["texts"]) == ("partner", "each")
    assert by_partner["chance_map"] < by_category["chance_map"]


def test_one_space_is_told_in_every_result(one_space: Retriever) -> None:
    figures = one_space.evaluate().as_dict()
    assert list(figures["spaces"]) == ["textual"]
    assert figures["fusion"] == {"rule": "none: only the textual space", "weight": None, "chosen_on": None}
    assert figures["notes"] == ["only the textual space: the other modality has no parts to read"]
    assert figures["average_map"] == figures["spaces"]["textual"]["average_map"]


def test_official_splits_stay_though_a_seed_drew_part_of_them(one_space: Retriever) -> None:
    dataset = one_space.open_data()
    assert dataset.split_seed == 0
    assert all(dataset.pairs[row].id.startswith("test") for row in dataset.split("test"))


def test_one_space_answers_texts_and_its_ready_made_pictures_cannot_ask(one_space: Retriever, tiny_set: Path) -> None:
    hits = one_space.search(text="a fish", k=2, fusion="released").hits
    assert [hit.spaces for hit in hits] == [{"textual": hit.similarity} for hit in hits]
    with pytest.raises(BadSetting, match="precomputed vectors"):
        one_space.search(image=tiny_set / "1.png")


def test_the_test_split_has_no_influence_on_the_weights(trained: Retriever, museum: Path, tmp_path: Path) -> None:
    for k in range(20, 24):
        Image.new("RGB", (30, 30), (k, 250, 9)).save(museum / f"{k}.png")
    rewrite(
        museum,
        texts=lambda row: ["something else entirely"] if row["split"] == "test" else row["texts"],
        category=lambda row: "a category of the test split" if row["split"] == "test" else row["category"],
    )
    other = train(museum, tmp_path / "run")
    assert other.folder.model_file.read_bytes() == trained.folder.model_file.read_bytes()
    assert other.folder.result_file.read_bytes() == trained.folder.result_file.read_bytes()
    assert other.evaluate().as_dict()["items"] == {"images": 4, "texts": 4}


def test_the_validation_split_has_no_influence_on_the_last_weights(
    tiny_set: Path, museum: Path, tmp_path: Path
) -> None:
    rewrite(museum, texts=lambda row: ["something else"] if row["split"] == "val" else row["texts"])
    settings = (*SETTINGS, "training.keep=last")
    runs = [train(data, tmp_path / name, settings=settings) for name, data in (("a", tiny_set), ("b", museum))]
    assert runs[0].folder.model_file.read_bytes() == runs[1].folder.model_file.read_bytes()


@pytest.mark.parametrize(
    ("changes", "hint"),
    [
        ({"preset": "papr"}, r"presets of mcsm has no entry 'papr'. Did you mean 'paper'\?"),
        ({"settings": ("training.epoch=3",)}, r"settings has no entry 'epoch'. Did you mean 'epochs'\?"),
        ({"settings": ("fusion=prodct",)}, r"fusion has no entry 'prodct'. Did you mean 'product'\?"),
        ({"settings": ("image_encoder.sid=3",)}, r"settings has no entry 'sid'. Did you mean 'side'\?"),
        ({"image_encoder": "eficientnet-lite2"}, r"Did you mean 'efficientnet-lite2'\?"),
    ],
)
def test_a_misspelt_name_is_answered_with_the_nearest_and_leaves_no_run(
    changes: dict[str, Any], hint: str, tiny_set: Path, tmp_path: Path
) -> None:
    with pytest.raises(UnknownName, match=hint):
        train(tiny_set, tmp_path / "run", **changes)
    assert not (tmp_path / "run").exists()


def test_an_unknown_method_is_answered_with_the_nearest(tiny_set: Path, tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"methods has no entry 'mscm'. Did you mean 'mcsm'\?"):
        Retriever.train("mscm", str(tiny_set), out=tmp_path / "run")


def test_without_validation_pairs_a_tenth_of_training_is_held_out_and_the_result_says_so(
    museum: Path, tmp_path: Path
) -> None:
    rewrite(museum, split=lambda row: "train" if row["split"] == "val" else row["split"])
    run = train(museum, tmp_path / "run")
    assert run.evaluate().as_dict()["notes"] == ["no validation pairs in the data: 2 of `train` are held out as `val`"]
    assert run.evaluate(split="val").as_dict()["items"]["images"] == 2


def test_data_with_too_little_for_validation_are_refused_before_a_run_begins(museum: Path, tmp_path: Path) -> None:
    rewrite(museum, split=lambda row: "train", category=lambda row: None)
    with pytest.raises(MissingData, match=r"the split 'val' is empty\. Draw splits with --split-seed"):
        train(museum, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_picture_that_cannot_be_read_leaves_no_run(museum: Path, tmp_path: Path) -> None:
    whole = (museum / "3.png").read_bytes()
    (museum / "3.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadData, match=r"3.png"):
        train(museum, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_run_that_is_not_there_or_not_finished_says_so(trained: Retriever, tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=r"is not a run folder: it has no config.json"):
        Retriever.load(tmp_path)
    shutil.copy(trained.folder.config_file, tmp_path)
    with pytest.raises(BadCheckpoint, match=r"is not a finished run: it has no result.json"):
        Retriever.load(tmp_path)


def test_damaged_weights_are_named(trained: Retriever, tmp_path: Path) -> None:
    run = shutil.copytree(trained.folder.path, tmp_path / "run")
    whole = (run / "model.safetensors").read_bytes()
    (run / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadCheckpoint, match=r"model.safetensors cannot be read as weights"):
        Retriever.load(run)
    (run / "model.safetensors").unlink()
    with pytest.raises(BadCheckpoint, match=r"model.safetensors does not exist"):
        Retriever.load(run)


def test_weights_of_other_settings_are_refused(trained: Retriever, tmp_path: Path) -> None:
    run = shutil.copytree(trained.folder.path, tmp_path / "run")
    config = json.loads((run / "config.json").read_text())
    config["settings"]["visual"]["width"] = 8
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadCheckpoint, match="These weights belong to a model with other settings"):
        Retriever.load(run)


def test_an_encoder_with_other_weights_than_trained_on_is_refused(trained: Retriever, tmp_path: Path) -> None:
    run = shutil.copytree(trained.folder.path, tmp_path / "run")
    config = json.loads((run / "config.json").read_text())
    config["encoders"]["text"]["fingerprint"] = "0"
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(BadCheckpoint, match=r"trained with other encoders \(text.fingerprint was '0' and is now"):
        Retriever.load(run).evaluate()


@pytest.mark.parametrize("preset", ["paper", "released"])
def test_the_other_presets_learn_too(preset: str, tiny_set: Path, tmp_path: Path) -> None:
    sizes = (f"{space}.{name}=8" for space in ("visual", "textual") for name in ("width", "hidden"))
    settings = ("image_encoder.side=64", "training.epochs=1", "training.batch=8", *sizes)
    run = train(tiny_set, tmp_path / "run", preset=preset, settings=settings)
    figures = Retriever.load(run.folder.path).evaluate().as_dict()
    assert figures["preset"] == preset
    assert (figures["fusion"]["chosen_on"] == "val") == (preset == "released")


@pytest.mark.data
@pytest.mark.slow
def test_wikipedia_learns_from_its_articles_and_ready_made_pictures(data_root: Path, tmp_path: Path) -> None:
    settings = ("training.epochs=1", "textual.width=32", "textual.recurrence=none")
    run = train("wikipedia", tmp_path / "run", image_encoder="given", settings=settings, data_root=data_root)
    figures = run.evaluate(data_root=data_root).as_dict()
    assert figures["items"] == {"images": 462, "texts": 462}
    assert figures["split_seed"] is None
    one_space, unknown_words = figures["notes"]
    assert one_space == "only the textual space: the other modality has no parts to read"
    assert unknown_words.endswith("% of the words are unknown to the text encoder")
    assert 0 < figures["unknown_words"] < 0.1
    assert figures["average_map"] > figures["chance_map"]


def test_a_pair_is_explained_with_the_similarities_of_a_search(trained: Retriever, tiny_set: Path) -> None:
    found = trained.search(text="a red square", split="val", k=4).hits
    for hit in found[:2]:
        explanation = trained.explain(hit.image, "a red square")
        assert {space.name: space.similarity for space in explanation.spaces} == pytest.approx(hit.spaces, abs=1e-5)
        assert explanation.fused == pytest.approx(hit.similarity, abs=1e-4)
    assert explanation.fusion.reference == "the 4 pictures of tiny, split val, for this text"
    assert [word.text for word in explanation.words] == ["a", "red", "square"]
    assert explanation.fused_ways["occlusion"].image.shape == (len(explanation.regions),)


def test_an_explanation_by_another_rule_says_so(trained: Retriever, tiny_set: Path) -> None:
    explanation = trained.explain(tiny_set / "17.png", "a red square", fusion="linear", split="train")
    assert explanation.fusion.rule == "linear"
    assert explanation.fusion.weight == trained.rule("linear").weight
    ranked = trained.explain(tiny_set / "17.png", "a red square", fusion="rrf")
    assert ranked.fused is None


def test_an_explanation_needs_a_picture_and_a_text(trained: Retriever, tiny_set: Path) -> None:
    with pytest.raises(BadText, match="the text to search for is empty"):
        trained.explain(tiny_set / "17.png", " ")
    with pytest.raises(MissingData, match=r"gone\.png', is not a file"):
        trained.explain(tiny_set / "gone.png", "a")


def test_ready_made_vectors_cannot_be_explained(one_space: Retriever, tiny_set: Path) -> None:
    with pytest.raises(BadSetting, match=r"precomputed vectors \(`given`\) cannot be explained"):
        one_space.explain(tiny_set / "17.png", "a fish")


def test_an_audit_needs_encoders_and_a_pair(trained: Retriever, one_space: Retriever) -> None:
    with pytest.raises(BadSetting, match="at least 1 pair; got 0"):
        trained.audit_explanations(pairs=0)
    with pytest.raises(BadSetting, match="cannot be explained"):
        one_space.audit_explanations()


def test_a_run_remembers_what_the_columns_of_its_data_mean(museum: Path, tmp_path: Path) -> None:
    gone = dict.fromkeys(["image", "texts"], lambda _: None)
    rewrite(museum, photo=lambda row: row["image"], title=lambda row: row["texts"], **gone)
    with pytest.raises(BadData, match=r"all 24 rows have the same fault"):
        train(museum, tmp_path / "run")
    columns = ["image=photo", "texts=title"]
    train(museum, tmp_path / "run", columns=columns)
    again = Retriever.load(tmp_path / "run")
    assert again.config.data.columns == tuple(columns)
    assert again.evaluate().header["items"] == {"images": 4, "texts": 4}
    moved = museum.rename(tmp_path / "moved")
    assert again.search(moved, text="a red square").hits
    assert again.evaluate("openmoji", split="val").header["data"] == "openmoji"


def test_pictures_and_texts_are_embedded_however_they_are_passed(trained: Retriever, tiny_set: Path) -> None:
    file = tiny_set / "17.png"
    with Image.open(file) as opened:
        picture = opened.convert("RGB")
    array = np.asarray(picture)
    several = trained.encode_image([file, str(file), file.read_bytes(), picture, array])
    assert {name: vectors.shape for name, vectors in several.items()} == {"visual": (5, 16), "textual": (5, 16)}
    for vectors in several.values():
        np.testing.assert_array_equal(vectors, np.repeat(vectors[:1], 5, axis=0))
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for single in (file, str(file), file.read_bytes(), picture, array):
        np.testing.assert_allclose(trained.encode_image(single)["visual"], several["visual"][:1], atol=1e-6)
    both = trained.encode_image(np.stack([array, array]))["textual"]
    np.testing.assert_allclose(both, several["textual"][:2], atol=1e-6)
    words = trained.encode_text(["a red square", "a blue disc"])
    one = trained.similarity(file, "a red square")
    by_default = trained.similarity([file, tiny_set / "0.png"], ["a red square", "a blue disc"])
    assert (one.shape, by_default.shape) == ((1, 1), (2, 2))
    assert one[0, 0] == pytest.approx(by_default[0, 0], abs=1e-6)
    np.testing.assert_allclose(trained.encode_text("a blue disc")["visual"], words["visual"][1:], atol=1e-6)
    assert {name: vectors.shape for name, vectors in trained.encode_text([]).items()} == {
        "visual": (0, 16), "textual": (0, 16),
    }  # fmt: skip
    with pytest.raises(MissingData, match=r"gone\.png', is not a file"):
        trained.encode_image([file, "gone.png"])
    with pytest.raises(BadText, match="the text to search for is empty"):
        trained.encode_text(["a", " "])
    with pytest.raises(BadSetting, match="image must be the path of a picture"):
        trained.encode_image([5])
    with pytest.raises(BadSetting, match="texts must be a text or a list of texts; got 5"):
        trained.encode_text(5)  # type: ignore[arg-type]


@pytest.mark.parametrize("fusion", ["product", "linear", "geometric", "zscore"])
def test_similarities_are_those_of_a_search(trained: Retriever, fusion: str) -> None:
    dataset = trained.open_data()
    pairs = [dataset.pairs[row] for row in dataset.split("val")]
    pictures, text = [pair.image for pair in pairs], "a red square"
    similarities = trained.similarity(pictures, text, fusion=fusion, queries="text")
    assert similarities.shape == (4, 1)
    found = {hit.id: hit.similarity for hit in trained.search(text=text, split="val", k=4, fusion=fusion).hits}
    assert found == pytest.approx(
        {pair.id: float(each) for pair, each in zip(pairs, similarities[:, 0], strict=True)}, abs=1e-5
    )


def test_similarities_are_fused_by_the_queries_that_ask(trained: Retriever) -> None:
    dataset = trained.open_data()
    pairs = [dataset.pairs[row] for row in dataset.split("val")]
    pictures, texts = [pair.image for pair in pairs], [pair.texts[0] for pair in pairs[:3]]
    images, words = trained.encode_image(pictures), trained.encode_text(texts)
    visual, textual = (images[space] @ words[space].T for space in ("visual", "textual"))
    for name in ("product", "zscore", "rrf"):
        rule = trained.rule(name)
        by_image = trained.similarity(pictures, texts, fusion=name)
        by_text = trained.similarity(pictures, texts, fusion=name, queries="text")
        np.testing.assert_allclose(by_image, rule.fuse(visual, textual, queries="image"), atol=1e-6)
        np.testing.assert_allclose(by_text.T, rule.fuse(visual.T, textual.T, queries="text"), atol=1e-6)


def test_a_callback_receives_each_epoch_and_the_run_keeps_its_curve(tiny_set: Path, tmp_path: Path) -> None:
    epochs: list[Any] = []
    retriever = train(tiny_set, tmp_path / "run", callback=epochs.append, settings=(*SETTINGS, "training.epochs=3"))
    assert [each["epoch"] for each in epochs] == [1, 2, 3]
    curve = Retriever.load(tmp_path / "run").curve
    assert list(curve.epochs) == epochs == list(retriever.curve.epochs)
    assert [row["epoch"] for row in curve.records()] == [1, 2, 3]
    assert {f"{name} loss" for name in epochs[0]["losses"]} <= set(curve.to_pandas().columns)
    assert curve.plot().axes[1].get_title(loc="left") == "Validation MAP"


def test_results_evaluations_and_explanations_show_themselves(trained: Retriever, tiny_set: Path) -> None:
    results = trained.search(text="a red square", k=3)
    frame = results.to_pandas()
    assert list(frame["id"]) == [hit.id for hit in results.hits]
    assert {"rank", "similarity", "visual", "textual", "texts", "image"} <= set(frame.columns)
    assert 'src="data:image/png;base64,' in results._repr_html_()
    evaluation = trained.evaluate()
    table = evaluation.to_pandas().set_index(["space", "direction"])
    assert table.loc[("fused", "image to text"), "map"] == evaluation.as_dict()["image_to_text"]["map"]
    assert len(evaluation.plot().axes[0].lines) == 6
    explanation = trained.explain(tiny_set / "17.png", "a red square")
    scores = explanation.to_pandas()
    fused = scores[(scores["space"] == "fused") & (scores["way"] == "occlusion")]
    np.testing.assert_allclose(fused[fused["part"] == "word"]["score"], explanation.fused_ways["occlusion"].words)
    assert list(fused[fused["part"] == "word"]["text"]) == ["a", "red", "square"]
    assert len(fused[fused["part"] == "region"]) == len(explanation.regions)
    assert explanation._repr_html_().startswith('<iframe srcdoc="&lt;!doctype html')
    assert explanation.plot().axes == []


def test_pairs_in_memory_train_evaluate_and_are_found_again(tiny_set: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (tiny_set / "pairs.jsonl").read_text().splitlines()]
    for row in rows:
        with Image.open(tiny_set / row["image"]) as image:
            row["image"] = image.convert("RGB")
    for row in rows:
        row["title"] = row.pop("texts")
    retriever = train(rows, tmp_path / "run", columns=["texts=title"])
    again = Retriever.load(tmp_path / "run")
    assert again.open_data().name.startswith("in-memory-")
    assert again.evaluate().average_map() == retriever.evaluate(rows).average_map()
    assert not again.evaluate().header["notes"]
    (hit,) = again.search(text="a red square", k=1).hits
    assert again.explain(hit.image, "a red square").fused is not None
