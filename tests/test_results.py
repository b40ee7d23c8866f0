import json
from pathlib import Path

import pytest
from PIL import Image

from diptych.data.pairs import DataSet, Pair
from diptych.data.sources import open_data
from diptych.results import Hit, Results


@pytest.fixture
def dataset(tiny_set: Path) -> DataSet:
    return open_data(str(tiny_set))


def hit_of(pair: Pair, similarity: float = 1.0) -> Hit:
    return Hit(pair.id, similarity, {"visual": similarity}, pair.image, pair.texts, pair.categories)


def test_results_are_json_and_paths_are_texts_in_it(dataset: DataSet) -> None:
    results = Results(Path("a.png"), (hit_of(dataset.pairs[0]),), "© A")
    figures = json.loads(json.dumps(results.as_dict()))
    assert list(figures) == ["query", "unknown_words", "hits", "attribution", "missing", "notes"]
    assert (figures["missing"], figures["notes"]) == (0, [])
    assert figures["query"] == "a.png"
    assert figures["hits"][0]["image"] == str(dataset.pairs[0].image)


@pytest.mark.parametrize("query", ["a red square", "a very long text " * 30])
def test_a_text_and_its_hits_are_drawn_however_long_it_is(query: str, dataset: DataSet, tmp_path: Path) -> None:
    hits = tuple(hit_of(pair) for pair in dataset.pairs[:3])
    Results(query, hits, "").save(tmp_path / "hits.png")
    with Image.open(tmp_path / "hits.png") as sheet:
        assert sheet.width > 500


def test_a_picture_and_hits_whose_pictures_are_missing_are_drawn(
    dataset: DataSet, tiny_set: Path, tmp_path: Path
) -> None:
    there, gone = (hit_of(pair) for pair in dataset.pairs[1::-1])
    hits = (there, type(gone)(gone.id, 0.5, {}, tmp_path / "gone.png", gone.texts, ()))
    Results(tiny_set / "3.png", hits, "drawn by hand").save(tmp_path / "hits.png")
    assert (tmp_path / "hits.png").stat().st_size > 1000
