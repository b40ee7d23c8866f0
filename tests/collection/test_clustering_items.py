"""Items of a collection in clusters, and as a map."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diptych.collection import Collection, clustering_items, mapping_items
from diptych.errors import BadSetting, DiptychError, UnknownName
from diptych.retriever import Retriever
from tests.index.servers_postgresql import postgresql_server

from .conftest import MakeCollection, items_file

__all__ = ["postgresql_server"]


def unit(collection: Collection, side: str = "image") -> np.ndarray:
    """Return each item's vectors, scaled so that inner products are mean cosines."""
    items = collection.items()
    encoded = (
        collection.encode_image([path for path in items.images if path])
        if side == "image"
        else collection.encode_text([texts[0] for texts in items.texts])
    )
    spaces = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in map(np.float64, encoded.values())]
    return np.concatenate(spaces, axis=1) / np.sqrt(len(spaces))


def test_squares_and_discs_are_two_clusters_with_their_nearest_items(shop: Collection) -> None:
    found = shop.clusters()
    rows, ids = unit(shop), list(found.ids)
    assert ids == list(shop.items().ids)
    assert found.silhouette is not None
    assert found.side == "image"
    numbers = np.array(found.numbers)
    for cluster in found.clusters:
        own = np.flatnonzero(numbers == cluster.number)
        distances = ((rows[own] - rows[own].mean(0)) ** 2).sum(1)
        assert cluster.size == len(own)
        assert [item.id for item in cluster.typical] == [ids[own[k]] for k in np.argsort(distances)[:8]]
        assert cluster.similarity == pytest.approx((rows[own] @ rows[own].T).mean(), abs=1e-5)
    assert [cluster.size for cluster in found.clusters] == sorted((c.size for c in found.clusters), reverse=True)


def test_as_many_clusters_as_asked_for_and_the_same_ones_each_time(shop: Collection) -> None:
    for k in (1, 3, 24):
        found = shop.clusters(k)
        assert (len(found.clusters), found.silhouette, sorted(set(found.numbers))) == (k, None, list(range(1, k + 1)))
    assert shop.clusters(5, seed=1) == shop.clusters(5, seed=1)


def test_centres_of_a_sample_serve_all_items(shop: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clustering_items, "SAMPLE", 10)
    found = shop.clusters(2)
    assert len(found.numbers) == 24
    rows, numbers = unit(shop), np.array(found.numbers)
    means = np.stack([rows[numbers == number].mean(0) for number in (1, 2)])
    nearest = ((rows[:, None] - means) ** 2).sum(-1).argmin(1) + 1
    assert (nearest == numbers).mean() > 0.9


def test_numbers_are_written_to_a_column_as_labels_are(shop: Collection) -> None:
    found = shop.clusters(2, column="heap")
    assert found.written == 24
    assert shop.ids(where="heap = 1") == [
        identity for identity, number in zip(found.ids, found.numbers, strict=True) if number == 1
    ]
    assert shop.clusters(2, column="heap").written == 0
    with pytest.raises(BadSetting, match="the column 'heap' has other values already"):
        shop.clusters(5, column="heap")
    assert shop.clusters(5, column="heap", replace=True).written > 0
    with pytest.raises(BadSetting, match="the column 'category' holds text; got number"):
        shop.clusters(2, column="category")


def test_texts_are_compared_if_asked_and_where_there_are_no_pictures(
    shop: Collection, make: MakeCollection, tmp_path: Path
) -> None:
    assert shop.clusters(2, side="text").side == "text"
    rows = ({"id": f"t{k}", "text": "a red square" if k % 2 else "a blue disc"} for k in range(8))
    with make(items_file(tmp_path, *rows)) as texts:
        found = texts.clusters()
        assert (found.side, [cluster.size for cluster in found.clusters]) == ("text", [4, 4])
        assert found.numbers == (1, 2) * 4 or found.numbers == (2, 1) * 4
        assert texts.map().points.shape == (8, 2)


def test_a_filter_leaves_items_out_and_nothing_has_no_clusters(shop: Collection, make: MakeCollection) -> None:
    assert len(shop.clusters(2, where="category = 'disc'").ids) == 12
    assert len(shop.map(where="category = 'disc'").items) == 12
    with make() as empty:
        assert empty.clusters().clusters == ()
        assert empty.map().points.shape == (0, 2)


def test_a_map_places_items_by_the_plane_of_their_vectors(shop: Collection, tmp_path: Path) -> None:
    found = shop.map()
    rows = unit(shop)
    centred = rows - rows.mean(0)
    _, values, directions = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(found.points), np.abs(centred @ directions[:2].T), atol=1e-4)
    np.testing.assert_allclose(found.shares, (values**2 / (values**2).sum())[:2], atol=1e-4)
    assert found.kinds == [metadata["category"] for metadata in shop.items().metadata]
    assert np.array_equal(shop.map().points, found.points)
    assert found.records()[0] == {
        "id": "p0", "x": found.points[0, 0], "y": found.points[0, 1], "category": "disc",
    }  # fmt: skip
    assert shop.map(colour=None).kinds == [None] * 24


def test_a_map_is_saved_as_a_drawing_and_as_a_page_with_pictures(
    shop: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = shop.map()
    found.save(tmp_path / "map.png")
    with Image.open(tmp_path / "map.png") as image:
        assert image.size == (1000, 720)
    found.save(tmp_path / "map.html")
    page = (tmp_path / "map.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") == 24
    assert "24 items; the plane holds" in page
    monkeypatch.setattr(mapping_items, "PICTURES", 8)
    found.save(tmp_path / "map.html")
    assert (tmp_path / "map.html").read_text(encoding="utf-8").count("data:image/jpeg;base64,") == 8
    with pytest.raises(BadSetting, match=r"a drawing is saved as \.html, .*; got '\.txt'"):
        found.save(tmp_path / "map.txt")


def test_any_column_colours_a_map(shop: Collection, tmp_path: Path) -> None:
    rows = ({"id": f"n{k}", "text": "a dog", "year": 2000 + k, "tags": ["x", "y"][:k]} for k in range(3))
    shop.add(items_file(tmp_path, *rows))
    assert shop.map(colour="year", side="text", where="year > 1999").kinds == ["2000", "2001", "2002"]
    assert shop.map(colour="tags", side="text", where="year > 1999").kinds == [None, "x", "x"]


def test_a_notebook_shows_clusters_and_maps(shop: Collection, tmp_path: Path) -> None:
    for result in (shop.clusters(2), shop.map()):
        assert 'src="data:image/png;base64,iVBOR' in result._repr_html_()
    shop.clusters(2).save(tmp_path / "clusters.pdf")
    assert (tmp_path / "clusters.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(BadSetting, match="a drawing is saved as"):
        shop.clusters(2).save(tmp_path / "clusters.html")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda shop: shop.clusters(25), r"k must be from 1 to 24, for 24 items; got 25\. Leave it out"),
        (lambda shop: shop.clusters(0), r"k must be from 1 to 24, for 24 items; got 0\."),
        (lambda shop: shop.clusters(side="sound"), r"side must be image or text; got 'sound'\."),
        (lambda shop: shop.map(side="sound"), r"side must be image or text; got 'sound'\."),
        (lambda shop: shop.clusters(where="colour = 'red'"), "columns has no entry 'colour'"),
    ],
)
def test_what_cannot_be_is_refused(shop: Collection, call: Callable[[Collection], object], words: str) -> None:
    with pytest.raises(DiptychError, match=words):
        call(shop)


def test_a_map_by_a_column_that_is_not_there_is_refused(shop: Collection) -> None:
    with pytest.raises(UnknownName, match=r"columns has no entry 'categry'\. Did you mean 'category'\?"):
        shop.map(colour="categry")


def test_postgresql_has_the_same_clusters_and_map(
    shop: Collection, postgresql_place: str, run: Retriever, tiny_set: Path
) -> None:
    with Collection.create(postgresql_place, str(run.folder.path)) as there:
        there.add(tiny_set)
        assert there.clusters(3, column="heap").numbers == shop.clusters(3).numbers
        np.testing.assert_allclose(there.map().points, shop.map().points, atol=1e-5)
