"""Mean and deviation of similarities, from what is kept of all items."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diptych.errors import StoreFailed
from diptych.fusion.zscore import Rule
from diptych.search.moments import KeptMoments, Moments
from diptych.search.promise import SearchPromise
from diptych.search.searcher import Searcher

from .small_table import SmallTable

WIDTHS = (3, 5)


def never() -> bool:
    raise AssertionError


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 300),
    st.integers(1, 9),
    st.sampled_from([0.0, 1.0, 1e3]),
    st.sampled_from([1e-3, 1.0, 1e4]),
)
def test_they_are_those_of_all_similarities(seed: int, count: int, parts: int, away: float, scale: float) -> None:
    draw = np.random.default_rng(seed).standard_normal
    vectors = (scale * draw((count, sum(WIDTHS))) + away).astype(np.float32)
    found = Moments.of(np.array_split(vectors, parts), WIDTHS)
    for moments, rows in zip(found, np.split(vectors, [WIDTHS[0]], axis=1), strict=True):
        query = draw(rows.shape[1]).astype(np.float32)
        similarities = rows.astype(np.float64) @ query.astype(np.float64)
        size = np.abs(similarities).max()
        assert moments.mean(query) == pytest.approx(similarities.mean(), abs=1e-12 * size)
        deviation = moments.deviation(query, equal=lambda similarities=similarities: np.ptp(similarities) == 0)
        assert deviation == pytest.approx(similarities.std(), abs=1e-12 * size)


def test_in_closed_form_they_equal_the_empirical_ones() -> None:
    generator = np.random.default_rng(1)
    queries, gallery = generator.standard_normal((5, 8)), generator.standard_normal((60, 8)) @ np.diag(np.arange(8))
    gallery = gallery.astype(np.float32)
    (moments,) = Moments.of([gallery], (8,))
    similarity = queries @ gallery.T
    np.testing.assert_allclose([moments.mean(query) for query in queries], similarity.mean(axis=1))
    np.testing.assert_allclose([moments.deviation(query, equal=never) for query in queries], similarity.std(axis=1))


@pytest.mark.parametrize("first", [0, 1, 60, 250])
def test_more_items_extend_them(first: int) -> None:
    vectors = np.random.default_rng(2).standard_normal((250, sum(WIDTHS))).astype(np.float32)
    start = Moments.of([vectors[:first]], WIDTHS)
    assert [each.count for each in start] == [first, first]
    more, whole = (Moments.of([vectors[k:]], WIDTHS, start=given) for k, given in ((first, start), (0, ())))
    for one, other, query in zip(more, whole, QUERY, strict=True):
        assert one.count == other.count == 250
        assert one.mean(query[0]) == pytest.approx(other.mean(query[0]), rel=1e-12)
        assert one.deviation(query[0], equal=never) == pytest.approx(other.deviation(query[0], equal=never), rel=1e-12)


def test_a_direction_in_which_items_hardly_differ_keeps_its_digits() -> None:
    draw = np.random.default_rng(0).standard_normal
    vectors = np.hstack([1000 + draw((500, 2)), 5 + 2.0**-20 * np.round(8 * draw((500, 1)))]).astype(np.float32)
    (moments,) = Moments.of([vectors[:200], vectors[200:]], (3,))
    query = np.array([0, 0, 1], np.float32)
    true = (vectors[:, 2].astype(np.float64)).std()
    assert moments.deviation(query, equal=never) == pytest.approx(true, rel=1e-6)


def test_equal_similarities_have_no_deviation_and_it_is_asked_whether_they_are() -> None:
    (moments,) = Moments.of([np.full((50, 3), 0.1, np.float32)], (3,))
    query = np.ones(3, np.float32)
    assert moments.deviation(query, equal=lambda: True) == 0.0
    assert moments.mean(query) == pytest.approx(0.3, abs=1e-6)


@pytest.mark.parametrize("blocks", [[], [np.zeros((0, 8), np.float32)]])
def test_no_items_have_none(blocks: list[np.ndarray]) -> None:
    for moments, width in zip(Moments.of(blocks, WIDTHS), WIDTHS, strict=True):
        query = np.ones(width, np.float32)
        assert (moments.mean(query), moments.deviation(query, equal=never)) == (0.0, 0.0)


def table_of(count: int, *, seed: int = 0) -> SmallTable:
    rows = np.random.default_rng(seed).standard_normal((count, sum(WIDTHS))).astype(np.float32)
    return SmallTable({f"{n:03}": row for n, row in enumerate(rows)}, sum(WIDTHS))


QUERY = tuple(np.random.default_rng(9).standard_normal((1, width)).astype(np.float32) for width in WIDTHS)
PROMISE = SearchPromise(exact_limit=0, recall=0.99)


def search(searcher: Searcher, table: SmallTable) -> tuple[str, ...]:
    return searcher.best(table, "image", QUERY, Rule(0.4), k=5, where=None, promise=PROMISE).best[0].ids


def expected(table: SmallTable) -> tuple[str, ...]:
    vectors = table.vectors()
    spaces = np.split(np.stack(list(vectors.values())).astype(np.float64), [WIDTHS[0]], axis=1)
    visual, textual = (rows @ query[0] for rows, query in zip(spaces, QUERY, strict=True))
    fused = Rule(0.4).fuse(visual[None], textual[None], queries="text")[0]
    return tuple(sorted(vectors, key=lambda item: -fused[list(vectors).index(item)])[:5])


def test_a_store_is_read_once_until_it_changes(own_cache: Path) -> None:
    table, searcher = table_of(300), Searcher("postgresql://db/read-once")
    for _ in range(3):
        assert search(searcher, table) == expected(table)
    assert table.scanned == 1
    assert search(Searcher("postgresql://db/read-once"), table) == expected(table)
    assert table.scanned == 1
    table.put({"new": 9 * np.concatenate(QUERY, axis=1)[0], "007": None})
    for _ in range(2):
        assert search(searcher, table) == expected(table)
    assert table.scanned == 2
    assert search(searcher, table)[0] == "new"


def test_a_store_that_cannot_tell_when_it_changed_is_read_at_each_search(own_cache: Path) -> None:
    table, searcher = table_of(50), Searcher("postgresql://db/no-version")
    table.versioned = False
    for _ in range(2):
        assert search(searcher, table) == expected(table)
    assert table.scanned == 2


def test_what_is_kept_in_a_damaged_file_is_read_anew(tmp_path: Path) -> None:
    table, file = table_of(50), tmp_path / "moments.npz"
    KeptMoments().of(table, "image", WIDTHS, file=file)
    for damaged in (b"", b"PK", file.read_bytes()[:200]):
        file.write_bytes(damaged)
        found = KeptMoments().of(table, "image", WIDTHS, file=file)
        assert [len(each.triangle.T) for each in found] == [4, 6]
    assert table.scanned == 4
    KeptMoments().of(table, "image", (8,), file=file)
    assert table.scanned == 5


def test_what_changes_while_it_is_read_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, file = table_of(50), tmp_path / "moments.npz"
    versions = iter(["a", "b"])
    monkeypatch.setattr(table, "version", lambda: next(versions))
    KeptMoments().of(table, "image", WIDTHS, file=file)
    assert not file.exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(StoreFailed, match="cannot be kept in"):
        KeptMoments().of(table_of(5), "image", WIDTHS, file=tmp_path / "taken" / "moments.npz")
