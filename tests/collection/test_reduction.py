"""Vectors are stored in the directions that they have, and no similarity changes."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diptych.collection import Added, Collection
from diptych.modality import MODALITIES
from diptych.retrieval.reduction import SpanReduction
from diptych.retriever import Retriever
from tests.index.oracle import OracleTable

from .conftest import QUERY, SETTINGS, found, items_file

WIDTHS = (9, 30)


@dataclass
class Affine:
    """A method whose spaces are affine maps of both sides; some may point anywhere."""

    maps: dict[str, dict[str, np.ndarray]]
    spaces: tuple[str, ...] = ("visual", "textual")
    notes: tuple[str, ...] = ()

    rows_at_once = 1

    @property
    def space_widths(self) -> dict[str, int]:
        return dict(zip(self.spaces, WIDTHS, strict=True))

    def takes_parts(self, space: str, modality: str) -> bool:
        return False

    def reads(self, space: str) -> None:
        raise NotImplementedError

    def check(self, modality: str, encoded: object) -> None:
        raise NotImplementedError

    def embed(self, modality: str, batch: object) -> dict[str, object]:
        raise NotImplementedError

    def span(self, modality: str) -> dict[str, np.ndarray]:
        return self.maps[modality]


def vectors_of(method: Affine, side: str, count: int, generator: np.random.Generator) -> np.ndarray:
    """Return unit vectors that a method may place."""
    rows = []
    for space, width in zip(method.spaces, WIDTHS, strict=True):
        columns = method.maps[side].get(space, np.eye(width))
        drawn = generator.standard_normal((count, columns.shape[1])) @ columns.T
        rows.append(drawn / np.maximum(np.linalg.norm(drawn, axis=1, keepdims=True), 1e-9))
    return np.concatenate(rows, axis=1).astype(np.float32)


@st.composite
def methods(draw: st.DrawFn) -> tuple[Affine, np.random.Generator]:
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    maps: dict[str, dict[str, np.ndarray]] = {side: {} for side in MODALITIES}
    for side in MODALITIES:
        for space, width in zip(("visual", "textual"), WIDTHS, strict=True):
            rank, columns = draw(st.integers(0, width)), draw(st.integers(1, 40))
            if draw(st.booleans()):
                factors = generator.standard_normal((width, rank)), generator.standard_normal((rank, columns))
                maps[side][space] = factors[0] @ factors[1]
    return Affine(maps), generator


@settings(max_examples=100, deadline=None)
@given(methods())
def test_similarities_and_whole_vectors_are_kept(case: tuple[Affine, np.random.Generator]) -> None:
    method, generator = case
    reduction = SpanReduction.of(method, WIDTHS)
    queries = generator.standard_normal((5, sum(WIDTHS))).astype(np.float32)
    for side in MODALITIES:
        items = vectors_of(method, side, 20, generator)
        stored = reduction.reduced(side, items)
        assert tuple(rows.shape[1] for rows in stored) == reduction.kept(side)
        np.testing.assert_allclose(reduction.restored(side, np.concatenate(stored, axis=1)), items, atol=2e-6)
        whole = zip(*(np.split(rows, [WIDTHS[0]], axis=1) for rows in (queries, items)), strict=True)
        for (query, item), kept, own in zip(whole, reduction.reduced(side, queries), stored, strict=True):
            np.testing.assert_allclose(kept @ own.T, query @ item.T, atol=2e-5)


@settings(max_examples=20, deadline=None)
@given(methods())
def test_no_side_is_wider_than_its_rank(case: tuple[Affine, np.random.Generator]) -> None:
    method, _ = case
    reduction = SpanReduction.of(method, WIDTHS)
    for side in MODALITIES:
        for space, width, kept in zip(method.spaces, WIDTHS, reduction.kept(side), strict=True):
            rank = int(np.linalg.matrix_rank(method.maps[side][space])) if space in method.maps[side] else width
            assert kept == (rank or width)


def test_a_table_keeps_the_bases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diptych.retrieval.reduction.AT_ONCE", 2)
    draw = np.random.default_rng(0).standard_normal
    maps = {"image": {"visual": draw((9, 4))}, "text": {"visual": draw((9, 5)), "textual": draw((30, 11))}}
    reduction = SpanReduction.of(Affine(maps), WIDTHS)
    table = OracleTable("bases", reduction.layout())
    reduction.write(table)
    again = SpanReduction.read(table, WIDTHS)
    assert again.kept("image") == (4, 30)
    assert again.kept("text") == (5, 11)
    assert set(again.bases) == {("image", 0), ("text", 0), ("text", 1)}
    for place, basis in reduction.bases.items():
        np.testing.assert_array_equal(again.bases[place], basis)


WIDE = 120
HIDDEN = 8
POSTERIORS = 2


@pytest.fixture(scope="module")
def wide(tiny_set: Path, shared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    """Return a run whose spaces are wider than what goes into most of their sides."""
    spaces = [
        f"{space}.{name}"
        for space in ("visual", "textual")
        for name in ("recurrence=trained", "heads=1", "whole=false", "other_parts=false", f"width={WIDE}")
    ]
    small = [f"{space}.hidden={HIDDEN}" for space in ("visual", "textual")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIPTYCH_CACHE", str(shared_cache))
        patch.setenv("DIPTYCH_THREADS", "1")
        return Retriever.train(
            "mcsm",
            str(tiny_set),
            out=tmp_path_factory.mktemp("wide") / "run",
            settings=(*SETTINGS, *spaces, *small, "posteriors.share=0.7"),
            image_encoder="efficientnet-lite0",
            text_encoder="glove",
        )


@pytest.fixture
def place(wide: Retriever, tiny_set: Path, tmp_path: Path, own_cache: Path) -> str:
    """Return where there is a collection of the wide run."""
    with Collection.create(str(tmp_path / "wide"), str(wide.folder.path)) as collection:
        collection.add(str(tiny_set))
    return str(tmp_path / "wide")


def test_a_wide_model_is_stored_narrow_and_finds_the_same(place: str, wide: Retriever, tiny_set: Path) -> None:
    with Collection.open(place) as collection:
        states, kept = 2 * HIDDEN + 1 + POSTERIORS, collection.model.kept
        words = wide.model.method.widths.text_whole + 1 + POSTERIORS
        assert collection.model.widths == (WIDE + POSTERIORS, WIDE + POSTERIORS)
        assert kept.kept("image") == (states, WIDE + POSTERIORS)
        assert kept.kept("text") == (words, states)
        assert states < words < WIDE
        assert collection.stats()["stored"] == {side: sum(kept.kept(side)) for side in MODALITIES}
        for asked in ({"text": QUERY}, {"image": tiny_set / "3.png"}):
            expected = {hit.id: hit for hit in wide.search(k=24, **asked).hits}
            hits = collection.search(k=24, **asked).hits
            assert len(hits) == 24
            for hit in hits:
                assert hit.similarity == pytest.approx(expected[hit.id].similarity, abs=2e-5)
                assert dict(hit.spaces) == pytest.approx(dict(expected[hit.id].spaces), abs=2e-6)


@pytest.mark.parametrize("side", MODALITIES)
def test_items_alike_in_one_side_are_found_by_their_whole_vectors(place: str, side: str) -> None:
    with Collection.open(place) as collection:
        items, kept = collection.table.read(vectors=MODALITIES), collection.model.kept
        whole = {each: kept.restored(each, items.vectors[each].rows) for each in MODALITIES}
        n = items.ids.index("p5")
        for hit in collection.search(like="p5", against=side, k=23).hits:
            m = items.ids.index(hit.id)
            for space, place_of in enumerate(np.split(np.arange(2 * (WIDE + POSTERIORS)), 2)):
                similarity = float(whole["image"][n, place_of] @ whole[side][m, place_of])
                assert tuple(hit.spaces.values())[space] == pytest.approx(similarity, abs=2e-6)


def test_a_collection_moves_from_a_wide_model_to_another_and_back(
    place: str, wide: Retriever, runs: tuple[Retriever, Retriever]
) -> None:
    with Collection.open(place) as collection:
        before = [(hit.id, pytest.approx(hit.similarity, abs=1e-6)) for hit in collection.search(QUERY, k=24).hits]
        assert collection.reencode(str(runs[0].folder.path)) == Added(added=24)
        assert sorted(found(collection, QUERY, k=24)) == sorted(identity for identity, _ in before)
        collection.compact()
        assert collection.store.tables() == ["items_2"]
        assert collection.reencode(str(wide.folder.path)) == Added(added=24)
        assert {hit.id: hit.similarity for hit in collection.search(QUERY, k=24).hits} == dict(before)
        collection.compact()
        assert collection.store.tables() == ["bases_3", "items_3"]


def test_an_approximate_search_of_narrow_vectors_is_tuned_by_whole_ones(
    wide: Retriever, tiny_set: Path, tmp_path: Path, own_cache: Path
) -> None:
    rows = ({"id": f"{k:03}", "text": f"a {word} number {k}"} for k, word in enumerate(["disc", "square"] * 40))
    with Collection.create(str(tmp_path / "large"), str(wide.folder.path), exact_limit=20, recall=0.5) as collection:
        collection.add(str(items_file(tmp_path, *rows)))
        collection.add(str(tiny_set))
        collection.compact()
        assert json.dumps(collection.stats()["search"]).count("approximate, recall") == 2
        assert found(collection, "a disc number 4", against="text", k=1)
