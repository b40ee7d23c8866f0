import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diptych.data.pairs import DataSet
from diptych.data.sources import open_data
from diptych.results import Results, best_hits


@pytest.fixture
def dataset(tiny_set: Path) -> DataSet:
    return open_data(str(tiny_set))


def test_the_best_hits_are_in_order_and_equal_ones_keep_the_order_of_the_data(dataset: DataSet) -> None:
    fused = np.array([0.1, 0.9, 0.5, 0.9])
    hits = best_hits(dataset, [4, 7, 9, 2], fused, {"visual": -fused}, k=3)
    assert [hit.id for hit in hits] == ["p7", "p2", "p9"]
    assert [hit.similarity for hit in hits] == [0.9, 0.9, 0.5]
    assert hits[0].spaces == {"visual": -0.9}
    assert (hits[0].texts, hits[0].categories) == (dataset.pairs[7].texts, ("square",))


def test_results_are_json_and_paths_are_texts_in_it(dataset: DataSet) -> None:
    results = Results(Path("a.png"), best_hits(dataset, [0], np.ones(1), {"visual": np.ones(1)}, k=1), "© A")
    figures = json.loads(json.dumps(results.as_dict()))
    assert list(figures) == ["query", "unknown_words", "hits", "attribution"]
    assert figures["query"] == "a.png"
    assert figures["hits"][0]["image"] == str(dataset.pairs[0].image)


@pytest.mark.parametrize("query", ["a red square", "a very long text " * 30])
def test_a_text_and_its_hits_are_drawn_however_long_it_is(query: str, dataset: DataSet, tmp_path: Path) -> None:
    hits = best_hits(dataset, range(3), np.arange(3.0), {}, k=3)
    Results(query, hits, "").save(tmp_path / "hits.png")
    with Image.open(tmp_path / "hits.png") as sheet:
        assert sheet.width > 500


def test_a_picture_and_hits_whose_pictures_are_missing_are_drawn(
    dataset: DataSet, tiny_set: Path, tmp_path: Path
) -> None:
    there, gone = best_hits(dataset, range(2), np.arange(2.0), {}, k=2)
    hits = (there, type(gone)(gone.id, 0.5, {}, tmp_path / "gone.png", gone.texts, ()))
    Results(tiny_set / "3.png", hits, "drawn by hand").save(tmp_path / "hits.png")
    assert (tmp_path / "hits.png").stat().st_size > 1000
