"""Near-identical pictures of a collection: copies are found, by their looks and by their vectors."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from diptych.collection import Collection
from diptych.collection.duplicates import Duplicates
from diptych.errors import DiptychError
from diptych.modality import MODALITIES
from diptych.retriever import Retriever
from tests.index.servers_postgresql import postgresql_server

from .conftest import MakeCollection, items_file

__all__ = ["postgresql_server"]


def noise(path: Path, seed: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    small = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    Image.fromarray(small).resize((96, 96), Image.Resampling.BICUBIC).save(path)
    return path


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Return a folder of twelve pictures, three of which have copies: the same file, a small JPEG, another format."""
    folder = tmp_path / "album"
    for k in range(12):
        noise(folder / f"{k:02}.png", k)
    shutil.copy(folder / "03.png", folder / "same.png")
    with Image.open(folder / "05.png") as image:
        image.resize((64, 64)).save(folder / "small.jpg", quality=90)
        image.resize((200, 200)).save(folder / "large.webp", quality=90)
    Image.new("RGB", (40, 40), "white").save(folder / "white.png")
    Image.new("RGB", (40, 40), "white").save(folder / "whiter.png")
    return folder


def told(found: Duplicates) -> list[list[str]]:
    return [[item.id for item in group.items] for group in found.groups]


def test_copies_are_found_by_their_looks(make: MakeCollection, album: Path) -> None:
    found = make(album).duplicates(by="picture")
    assert told(found) == [["05.png", "large.webp", "small.jpg"], ["03.png", "same.png"]]
    assert (found.total, found.unseen, found.thresholds) == (17, 2, {"picture": 0.995})
    (pair,) = found.groups[1].pairs
    assert (pair.first, pair.second, pair.vector, pair.found_by) == ("03.png", "same.png", None, ("picture",))
    assert pair.picture == pytest.approx(1)


def test_what_looks_the_same_to_the_model_is_found_by_vector(make: MakeCollection, album: Path) -> None:
    collection = make(album)
    vectors = collection.encode_image([album / item for item in collection.ids()])
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in map(np.float64, vectors.values())]
    cosines = np.mean([each @ each.T for each in unit], axis=0)
    for threshold in (0.9999, 0.95, 0.8):
        found = collection.duplicates(by="vector", threshold=threshold)
        ids = collection.ids()
        near = {frozenset((ids[a], ids[b])) for a, b in np.argwhere(cosines >= threshold) if a < b}
        groups = [set(group) for group in told(found)]
        assert all(any(pair <= group for group in groups) for pair in near)
        for group in found.groups:
            assert len(group.pairs) == len(group.items) - 1
            for pair in group.pairs:
                assert frozenset((pair.first, pair.second)) in near
                assert pair.picture is None
                assert pair.vector == pytest.approx(cosines[ids.index(pair.first), ids.index(pair.second)], abs=1e-5)
                assert pair.found_by == ("vector",)
    assert ["white.png", "whiter.png"] in told(collection.duplicates(by="vector"))


def test_both_ways_are_asked_for_by_default_and_each_pair_says_which_found_it(
    make: MakeCollection, album: Path
) -> None:
    found = make(album).duplicates()
    by_pair = {(pair.first, pair.second): pair for group in found.groups for pair in group.pairs}
    assert by_pair["03.png", "same.png"].found_by == ("picture", "vector")
    assert by_pair["white.png", "whiter.png"].found_by == ("vector",)
    assert by_pair["white.png", "whiter.png"].picture is None


def test_a_filter_leaves_items_out(make: MakeCollection, tmp_path: Path) -> None:
    names = ("a0", "a1", "b0", "b1")
    for name in names:
        noise(tmp_path / f"{name}.png", 1)
    rows = ({"id": name, "image": str(tmp_path / f"{name}.png"), "kind": name[0]} for name in names)
    collection = make(items_file(tmp_path, *rows))
    assert told(collection.duplicates()) == [["a0", "a1", "b0", "b1"]]
    assert told(collection.duplicates(where="kind = 'b'")) == [["b0", "b1"]]


def test_texts_alone_and_an_empty_collection_have_no_copies(make: MakeCollection, tmp_path: Path) -> None:
    collection = make(items_file(tmp_path, {"id": "a", "text": "one"}, {"id": "b", "text": "one"}))
    assert collection.duplicates().groups == ()
    assert make(name="empty").duplicates().total == 0


def test_pictures_that_may_not_be_read_are_not_looked_at(
    make: MakeCollection, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(album).close()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "elsewhere"))
    with Collection.open(tmp_path / "shop") as foreign:
        found = foreign.duplicates(by="picture")
        assert (found.groups, found.unseen) == ((), 17)
    with Collection.open(tmp_path / "shop", pictures_from=[album]) as allowed:
        assert len(allowed.duplicates(by="picture").groups) == 2


def test_no_model_is_loaded_for_it(make: MakeCollection, album: Path, tmp_path: Path, run: Retriever) -> None:
    make(album).close()
    moved = run.folder.path.rename(run.folder.path.with_name("moved"))
    try:
        with Collection.open(tmp_path / "shop") as collection:
            assert len(collection.duplicates(by="picture").groups) == 2
    finally:
        moved.rename(run.folder.path)


def test_vectors_that_are_stored_in_fewer_numbers_are_compared_as_the_whole_ones(album: Path, tmp_path: Path) -> None:
    with Collection.create(tmp_path / "conse", "conse", image_encoder="efficientnet-lite0") as collection:
        collection.add(album)
        (pair,) = collection.duplicates(by="vector").groups[-1].pairs[:1]
        assert pair.vector is not None
        (items,) = [collection.table.read([pair.first, pair.second], vectors=MODALITIES[:1])]
        whole = collection.model.kept.restored("image", items.vectors["image"].rows).astype(np.float64)
        whole /= np.linalg.norm(whole, axis=1, keepdims=True)
        assert pair.vector == pytest.approx(whole[0] @ whole[1], abs=1e-6)


def test_a_notebook_shows_groups_and_their_pairs(make: MakeCollection, album: Path) -> None:
    found = make(album).duplicates(by="picture")
    page = found._repr_html_()
    assert 'src="data:image/png;base64,iVBOR' in page
    assert "<td>same.png</td>" in page
    assert [row["like"] for row in found.records() if row["id"] == "same.png"] == ["03.png"]
    assert [row["group"] for row in found.records()] == [1, 1, 1, 2, 2]
    assert found.plot().get_size_inches()[1] > 4
    json.dumps([group.as_dict() for group in found.groups])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"threshold": 0.0}, r"threshold must be above 0 and at most 1, a cosine; got 0\.0\."),
        ({"threshold": 1.5}, r"threshold must be above 0 and at most 1, a cosine; got 1\.5\."),
        ({"by": "hash"}, r"by must be picture or vector, or left out for both; got 'hash'\."),
        ({"where": "colour = 'red'"}, "columns has no entry 'colour'"),
    ],
)
def test_what_cannot_be_is_refused(shop: Collection, options: dict[str, object], words: str) -> None:
    duplicates: Callable[..., Duplicates] = shop.duplicates
    with pytest.raises(DiptychError, match=words):
        duplicates(**options)


def test_postgresql_answers_as_a_folder_does(
    make: MakeCollection, album: Path, postgresql_place: str, run: Retriever
) -> None:
    with Collection.create(postgresql_place, str(run.folder.path)) as there:
        there.add(album)
        here = make(album)
        assert told(there.duplicates()) == told(here.duplicates())
