"""A run finds its data from everywhere, says where they were when they are gone, and says so when they are others."""

import json
import shutil
from pathlib import Path

import pytest

from diptych.errors import BadCheckpoint, MissingData
from diptych.retriever import Retriever
from tests.cli.conftest import Diptych, diptych
from tests.collection.conftest import QUERY, SETTINGS, own_cache, shared_cache

__all__ = ["diptych", "own_cache", "shared_cache"]


def trained(data: str, out: Path, *, resume: bool = False, split_seed: int | None = None) -> Retriever:
    return Retriever.train(
        "mcsm", data, out=out, settings=(*SETTINGS, "training.epochs=1"), image_encoder="efficientnet-lite0",
        text_encoder="glove", resume=resume, split_seed=split_seed,
    )  # fmt: skip


@pytest.fixture
def place(tiny_set: Path, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the data `pics`, which is the working directory."""
    monkeypatch.setenv("DIPTYCH_THREADS", "1")
    shutil.copytree(tiny_set, tmp_path / "here" / "pics")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def others(folder: Path) -> Path:
    """Change the ids of a copied data set."""
    file = folder / "pairs.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps({**row, "id": f"x{row['id']}"}) + "\n" for row in rows))
    return folder


def as_before(run: Retriever, source: str) -> Retriever:
    """Return a run as it was stored when sources were kept as they were given."""
    file = run.folder.config_file
    config = json.loads(file.read_text())
    config["data"]["source"] = source
    file.write_text(json.dumps(config))
    return Retriever.load(run.folder.path)


def test_a_run_on_a_relative_path_is_searched_and_measured_from_everywhere(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained("pics", place / "run")
    assert run.config.data.source == str(place / "pics")
    wanted = [hit.id for hit in run.search(text=QUERY).hits], run.evaluate().as_dict()
    shutil.copytree(place / "pics", tmp_path / "there" / "pics")
    others(tmp_path / "there" / "pics")
    for folder in (Path("/"), tmp_path / "there"):
        monkeypatch.chdir(folder)
        again = Retriever.load(place / "run")
        results = again.search(text=QUERY)
        assert ([hit.id for hit in results.hits], again.evaluate().as_dict()) == wanted
        assert (results.notes, results.missing) == ((), 0)


def test_data_that_were_moved_are_asked_for_and_keep_their_splits(place: Path, tmp_path: Path) -> None:
    run = trained("pics", place / "run", split_seed=5)
    figures = run.evaluate().as_dict()
    shutil.move(place / "pics", tmp_path / "renamed")
    with pytest.raises(
        MissingData, match=rf"the data of this run were at '{place}/pics' .*name their new .*--data NEW"
    ):
        run.search(text=QUERY)
    moved = run.evaluate(str(tmp_path / "renamed")).as_dict()
    assert {**moved, "data": "pics"} == figures
    assert run.search(str(tmp_path / "renamed"), text=QUERY).notes == ()
    assert run.open_data(str(tmp_path / "renamed")).split_seed == 5


def test_a_run_from_before_opens_where_it_was_trained_and_says_when_it_finds_others(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, diptych: Diptych
) -> None:
    run = as_before(trained("pics", place / "run"), "pics")
    assert (run.search(text=QUERY).notes, run.evaluate().as_dict()["notes"]) == ((), [])
    trained("pics", place / "run", resume=True)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(MissingData, match="the data of this run were at 'pics' and are not found there now"):
        run.search(text=QUERY)
    shutil.copytree(place / "pics", tmp_path / "there" / "pics")
    others(tmp_path / "there" / "pics")
    monkeypatch.chdir(tmp_path / "there")
    note = "the data set has changed since it was trained on"
    assert run.search(text=QUERY).notes == (note,)
    assert note in run.evaluate().as_dict()["notes"]
    told = diptych("search", place / "run", "--text", QUERY, "--json")
    assert json.loads(told.out)["notes"] == [note]
    assert f"Note: {note}." in told.err
    with pytest.raises(BadCheckpoint, match=r"other settings \(data.fingerprint was"):
        trained("pics", place / "run", resume=True)


def test_a_splits_difference_is_told_only_where_a_split_is_searched(place: Path) -> None:
    run = trained("pics", place / "run")
    manifest = place / "pics" / "pairs.jsonl"
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    for row in rows:
        row["split"] = {"test": "val", "val": "test"}.get(row["split"], row["split"])
    manifest.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run.search(text=QUERY).notes == ()
    (note,) = run.search(text=QUERY, split="test").notes
    assert note == "trained under another split: some of these pairs were trained on"
