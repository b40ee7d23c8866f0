"""The scan finds what scoring everything in double precision finds."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from diptych.errors import BadFeature, BadSetting, ShapeMismatch, StoreFailed
from diptych.fusion import ROOM
from diptych.fusion.contract import FusionRule
from diptych.index.items import Items
from diptych.modality import Modality
from diptych.search.coarse import CoarseScorer
from diptych.search.moments import Moments
from diptych.search.scan import Best, Scan
from diptych.search.scan_folder import refreshed

from .small_table import SmallTable

ROOT = Path(__file__).resolve().parents[2]
WIDTHS = (6, 5)
RULES = [ROOM.open("product").Rule(), ROOM.open("rrf").Rule()]
RULES += [ROOM.open(name).Rule(weight) for name in ("linear", "geometric", "zscore") for weight in (0.0, 0.3, 1.0)]


def plain(g: np.random.Generator, n: int) -> np.ndarray:
    return g.standard_normal((n, sum(WIDTHS)))


def negative(g: np.random.Generator, n: int) -> np.ndarray:
    """Seen from the query of ones, all are on the other side."""
    return -np.abs(plain(g, n)) - 0.1


def clustered(g: np.random.Generator, n: int) -> np.ndarray:
    return plain(g, 3)[g.integers(3, size=n)] + 1e-3 * plain(g, n)


def nearly_tied(g: np.random.Generator, n: int) -> np.ndarray:
    """Nearer to each other than half precision can tell."""
    return plain(g, 1) + 1e-5 * plain(g, n)


def repeated(g: np.random.Generator, n: int) -> np.ndarray:
    return plain(g, 4)[g.integers(4, size=n)]


def opposed(g: np.random.Generator, n: int) -> np.ndarray:
    """What is near in one space is far in the other."""
    rows = plain(g, n)
    rows[:, 6:] = -rows[:, :5]
    rows[:, 5] = 0
    return rows


def constant_space(g: np.random.Generator, n: int) -> np.ndarray:
    rows = plain(g, n)
    rows[:, :6] = rows[0, :6]
    return rows


def all_equal(g: np.random.Generator, n: int) -> np.ndarray:
    return np.repeat(plain(g, 1), n, axis=0)


def empty_space(g: np.random.Generator, n: int) -> np.ndarray:
    rows = plain(g, n)
    rows[:, 6:] = 0
    return rows


def of_all_lengths(g: np.random.Generator, n: int) -> np.ndarray:
    return plain(g, n) * 10.0 ** g.integers(-6, 6, size=(n, 1))


def beyond_half(g: np.random.Generator, n: int) -> np.ndarray:
    """A space that overflows half precision beside one that underflows it."""
    rows = plain(g, n)
    rows[:, :6] *= 1e6
    rows[:, 6:] *= 1e-12
    return rows


def enormous(g: np.random.Generator, n: int) -> np.ndarray:
    return plain(g, n) * 1e37


def infinitesimal(g: np.random.Generator, n: int) -> np.ndarray:
    return plain(g, n) * 1e-39


GALLERIES = [plain, negative, clustered, nearly_tied, repeated, opposed, constant_space, all_equal, empty_space]
GALLERIES += [of_all_lengths, beyond_half, enormous, infinitesimal]


def table_of(rows: np.ndarray, **given: str) -> SmallTable:
    ids = [f"item {k:03}" for k in np.random.default_rng(7).permutation(len(rows))]
    return SmallTable(dict(zip(ids, rows.astype(np.float32), strict=True)), rows.shape[1], **given)


def split(queries: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return queries[:, : WIDTHS[0]], queries[:, WIDTHS[0] :]


def fused_by_all(table: SmallTable, query: np.ndarray, rule: FusionRule) -> dict[str, float]:
    """Return every item's fused similarity, from double precision thcoarseout."""
    vectors = table.vectors()
    rows, query = np.stack(list(vectors.values())).astype(np.float64), query.astype(np.float64)
    spaces = (np.vecdot(part, own)[None] for part, own in zip(split(rows), split(query[None]), strict=True))
    return dict(zip(vectors, rule.fuse(*spaces, queries="text")[0].tolist(), strict=True))


def check(best: Best, fused: dict[str, float], k: int) -> None:
    """Compare with the order of all items; what differs by rounding in double precision may change places."""
    right = sorted(fused.values(), reverse=True)[:k]
    near = {"rel": 1e-7, "abs": 1e-7 * max(map(abs, fused.values()), default=0)}
    assert len(set(best.ids)) == len(best.ids) == len(right)
    assert best.fused.tolist() == pytest.approx(right, **near)
    assert [fused[item] for item in best.ids] == pytest.approx(right, **near)


fresh = count()
"""Numbers the folders of examples."""
PRECISIONS = {"half": 0.0, "single": 1.0}
"""What share of the memory rows in single precision may take, for either to be searched."""


@pytest.fixture(params=PRECISIONS)
def precision(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("diptych.search.coarse.MODEST", PRECISIONS[request.param])
    return str(request.param)


@pytest.fixture
def folder(tmp_path: Path) -> Callable[[], Path]:
    return lambda: tmp_path / f"scan {next(fresh)}"


@pytest.mark.usefixtures("precision")
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    make=st.sampled_from(GALLERIES),
    rule=st.sampled_from(RULES),
    seed=st.integers(0, 2**32),
    n=st.integers(1, 300),
    k=st.integers(1, 20),
    share=st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    scale=st.sampled_from([1.0, 1e-30, 1e30]),
)
@example(make=enormous, rule=RULES[-2], seed=0, n=50, k=5, share=1.0, scale=1e30)
def test_a_search_equals_looking_at_everything(
    make: Callable[[np.random.Generator, int], np.ndarray],
    rule: FusionRule,
    seed: int,
    n: int,
    k: int,
    share: float,
    scale: float,
    folder: Callable[[], Path],
) -> None:
    g = np.random.default_rng(seed)
    table = table_of(make(g, n))
    scan = Scan.open(folder(), table, "image", WIDTHS)
    query = (scale * np.abs(plain(g, 1)[0])).astype(np.float32)
    allowed = g.random(n) < share
    best = scan.search(split(query[None]), rule, k=k, modality="text", allowed=None if share == 1 else allowed)[0]
    fused = fused_by_all(table, query, rule)
    kept = set(scan.ids) if share == 1 else {item for item, may in zip(scan.ids, allowed, strict=True) if may}
    check(best, {item: fused[item] for item in fused if item in kept}, k)


def found(scan: Scan, queries: np.ndarray, k: int = 10, name: str = "product", **given: object) -> list[Best]:
    return scan.search(split(queries.astype(np.float32)), ROOM.open(name).Rule(), k=k, modality="text", **given)


def same(one: list[Best], other: list[Best]) -> bool:
    return [(best.ids, best.fused.tolist()) for best in one] == [(best.ids, best.fused.tolist()) for best in other]


@pytest.fixture
def rows() -> np.ndarray:
    return plain(np.random.default_rng(0), 250)


@pytest.fixture
def queries() -> np.ndarray:
    return plain(np.random.default_rng(1), 7)


@pytest.mark.parametrize("name", ["product", "zscore", "rrf"])
@pytest.mark.usefixtures("precision")
def test_queries_at_once_are_answered_as_one_by_one(
    name: str, rows: np.ndarray, queries: np.ndarray, tmp_path: Path
) -> None:
    scan = Scan.open(tmp_path, table_of(rows), "image", WIDTHS)
    assert same(found(scan, queries, name=name), [found(scan, query[None], name=name)[0] for query in queries])


@pytest.mark.usefixtures("precision")
def test_more_queries_than_fit_at_once_are_answered_in_order(
    rows: np.ndarray, queries: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan = Scan.open(tmp_path, table_of(rows), "image", WIDTHS)
    together = found(scan, queries)
    monkeypatch.setattr("diptych.search.coarse.AT_ONCE", 3 * 2 * len(rows))
    assert same(found(scan, queries), together)


@pytest.mark.usefixtures("precision")
def test_one_space_goes_by_inner_products(rows: np.ndarray, queries: np.ndarray, tmp_path: Path) -> None:
    table, queries = table_of(rows), queries.astype(np.float32)
    scan = Scan.open(tmp_path, table, "image", (11,))
    for query, best in zip(queries, scan.search((queries,), None, k=5, modality="image"), strict=True):
        expected = {item: float(row.astype(float) @ query) for item, row in table.vectors().items()}
        check(best, expected, 5)
        assert best.similarities[0].tolist() == best.fused.tolist()


@pytest.mark.usefixtures("precision")
def test_similarities_in_each_space_come_with_an_answer(rows: np.ndarray, queries: np.ndarray, tmp_path: Path) -> None:
    table = table_of(rows)
    best = found(Scan.open(tmp_path, table, "image", WIDTHS), queries[:1], k=3)[0]
    vectors = np.stack([table.vectors()[item] for item in best.ids])
    for got, own, query in zip(best.similarities, split(vectors), split(queries.astype(np.float32)), strict=True):
        np.testing.assert_allclose(got, own.astype(float) @ query[0], rtol=1e-12)


@pytest.mark.usefixtures("precision")
def test_among_equals_the_lesser_id_comes_first(tmp_path: Path) -> None:
    table = SmallTable(dict.fromkeys(["b", "ä", "a", "🖼", "c\n"], np.ones(11)) | {"far": -np.ones(11)}, 11)
    best = found(Scan.open(tmp_path, table, "image", WIDTHS), np.ones((1, 11)), k=4)[0]
    assert best.ids == ("a", "b", "c\n", "ä")


@pytest.mark.usefixtures("precision")
def test_fewer_come_where_fewer_are_allowed(rows: np.ndarray, queries: np.ndarray, tmp_path: Path) -> None:
    scan = Scan.open(tmp_path, table_of(rows), "image", WIDTHS)
    for allowed in (["item 003", "item 007", "not there"], []):
        for best in found(scan, queries, k=5, allowed=scan.among(allowed)):
            assert set(best.ids) == set(allowed) - {"not there"}
            assert [len(space) for space in best.similarities] == [len(best.ids)] * 2


@pytest.mark.usefixtures("precision")
def test_leaving_items_out_changes_no_score(rows: np.ndarray, queries: np.ndarray, tmp_path: Path) -> None:
    scan = Scan.open(tmp_path, table_of(rows), "image", WIDTHS)
    for best in found(scan, queries, k=6):
        again = found(scan, queries, k=5, allowed=~scan.among(best.ids[:1]))
        assert (best.ids[1:], best.fused[1:].tolist()) in [(other.ids, other.fused.tolist()) for other in again]


@pytest.mark.usefixtures("precision")
def test_an_empty_side_has_no_best_items(queries: np.ndarray, tmp_path: Path) -> None:
    for folder, vectors in (("none", {}), ("texts", {"only a text": None})):
        scan = Scan.open(tmp_path / folder, SmallTable(vectors, 11), "image", WIDTHS)
        assert [best.ids for best in found(scan, queries)] == [()] * len(queries)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("make", GALLERIES, ids=lambda make: make.__name__)
def test_coarse_scores_err_by_no_more_than_they_say(
    make: Callable[[np.random.Generator, int], np.ndarray], count: int, precision: str, tmp_path: Path
) -> None:
    g = np.random.default_rng(3)
    held = refreshed(tmp_path, table_of(make(g, 1200)), "image", WIDTHS)
    queries = plain(g, count).astype(np.float32)
    padded = held.state.padded(split(queries))
    for space, coarse in enumerate(CoarseScorer(held).similarities(padded, None)):
        own, vectors = held.full[:, held.state.spans[space]].astype(float), padded[space].astype(float)
        true = vectors @ own.T
        for query in range(count):
            away = np.abs(coarse.similarities(query, slice(None)) - true[query]).max()
            lengths = np.linalg.norm(own, axis=1).max() * np.linalg.norm(vectors[query])
            exact = precision == "single" and 1e-9 < lengths < 1e9
            assert away <= coarse.errors[query] <= (1e-6 if exact else 6e-4) * lengths + 1e-30


@pytest.mark.parametrize("make", GALLERIES, ids=lambda make: make.__name__)
@pytest.mark.usefixtures("precision")
def test_what_may_be_outside_a_range_is_told_for_each_query(
    make: Callable[[np.random.Generator, int], np.ndarray], tmp_path: Path
) -> None:
    g = np.random.default_rng(4)
    held = refreshed(tmp_path, table_of(make(g, 200)), "image", WIDTHS)
    queries = plain(g, 3).astype(np.float32)
    padded = held.state.padded(split(queries))
    for space, coarse in enumerate(CoarseScorer(held).similarities(padded, None)):
        true = padded[space].astype(float) @ held.full[:, held.state.spans[space]].astype(float).T
        low, high = np.quantile(true, (0.1, 0.9), axis=1)
        told = set(zip(*(part.tolist() for part in coarse.outside(low, high)), strict=True))
        certain = np.argwhere((true <= low[:, None]) | (true >= high[:, None]))
        possible = np.argwhere(
            (true <= (low + 3 * coarse.errors)[:, None]) | (true >= (high - 3 * coarse.errors)[:, None])
        )
        assert set(map(tuple, certain.tolist())) <= told <= set(map(tuple, possible.tolist()))


def test_the_number_of_threads_that_torch_uses_stays(rows: np.ndarray, queries: np.ndarray, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    found(Scan.open(tmp_path, table_of(rows), "image", WIDTHS), queries)
    with ThreadPoolExecutor(1) as pool:
        assert torch.get_num_threads() == pool.submit(torch.get_num_threads).result() == before


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), versioned=st.booleans(), rule=st.sampled_from(RULES))
def test_bringing_up_to_date_equals_filling_anew(
    seed: int, versioned: bool, rule: FusionRule, folder: Callable[[], Path]
) -> None:
    g, kept = np.random.default_rng(seed), folder()
    table, query = table_of(plain(g, 60)), plain(g, 2).astype(np.float32)
    table.versioned = versioned
    for _ in range(6):
        fresh_rows = 10.0 ** g.integers(-3, 3) * plain(g, int(g.integers(0, 25)))
        table.put({f"item {g.integers(90):03}": None if g.random() < 0.1 else row for row in fresh_rows})
        table.remove([f"item {k:03}" for k in g.integers(90, size=int(g.integers(0, 12)))])
        old, new = (Scan.open(place, table, "image", WIDTHS) for place in (kept, folder()))
        assert sorted(old.ids) == sorted(new.ids) == table.ids(side="image")
        one, other = (scan.search(split(query), rule, k=9, modality="text") for scan in (old, new))
        for best, query_row in zip(one, query, strict=True):
            check(best, fused_by_all(table, query_row, rule), 9)
        assert [best.ids for best in one] == [best.ids for best in other]


def test_only_what_changed_is_read(rows: np.ndarray, tmp_path: Path) -> None:
    table = table_of(rows)
    Scan.open(tmp_path, table, "image", WIDTHS)
    assert (table.scanned, table.asked) == (1, [])
    table.contents = None  # type: ignore[assignment, method-assign]
    assert len(Scan.open(tmp_path, table, "image", WIDTHS)) == len(rows)
    del table.contents
    table.put({"new": rows[0], "item 005": rows[1], "a text": None})
    table.remove(["item 009"])
    scan = Scan.open(tmp_path, table, "image", WIDTHS)
    assert (table.scanned, sorted(table.asked)) == (1, ["item 005", "new"])
    assert sorted(scan.ids) == table.ids(side="image")


def test_without_a_version_contents_are_compared(rows: np.ndarray, tmp_path: Path) -> None:
    table = table_of(rows)
    table.versioned = False
    state = tmp_path / "state.json"
    Scan.open(tmp_path, table, "image", WIDTHS)
    before = state.stat()
    Scan.open(tmp_path, table, "image", WIDTHS)
    assert (table.scanned, table.asked, state.stat().st_ino) == (1, [], before.st_ino)
    table.put({"new": rows[0]})
    assert "new" in Scan.open(tmp_path, table, "image", WIDTHS).ids


def test_files_are_made_anew_where_over_a_third_is_dead(rows: np.ndarray, tmp_path: Path) -> None:
    table = table_of(rows)
    Scan.open(tmp_path, table, "image", WIDTHS)
    names = {path.name for path in tmp_path.glob("half-*")}
    table.remove(table.ids()[:80])
    Scan.open(tmp_path, table, "image", WIDTHS)
    assert {path.name for path in tmp_path.glob("half-*")} == names
    table.remove(table.ids()[:10])
    Scan.open(tmp_path, table, "image", WIDTHS)
    (half,) = tmp_path.glob("half-*")
    assert half.name not in names
    assert half.stat().st_size == 160 * (32 + 32) * 2
    assert table.scanned == 2


@pytest.mark.usefixtures("precision")
def test_numbers_that_outgrow_the_scale_are_scaled_anew(rows: np.ndarray, queries: np.ndarray, tmp_path: Path) -> None:
    table = table_of(rows)
    Scan.open(tmp_path, table, "image", WIDTHS)
    table.put({"giant": 1e9 * rows[0]})
    best = found(Scan.open(tmp_path, table, "image", WIDTHS), queries)
    for query, one in zip(queries.astype(np.float32), best, strict=True):
        check(one, fused_by_all(table, query, ROOM.open("product").Rule()), 10)


def test_an_open_scan_answers_as_before_while_its_folder_moves_on(
    rows: np.ndarray, queries: np.ndarray, tmp_path: Path
) -> None:
    table = table_of(rows)
    scan = Scan.open(tmp_path, table, "image", WIDTHS)
    before = found(scan, queries, name="zscore")
    table.remove(table.ids()[:200])
    table.put({"new": rows[0]})
    assert len(Scan.open(tmp_path, table, "image", WIDTHS)) == 51
    assert same(found(scan, queries, name="zscore"), before)


@pytest.mark.parametrize("damage", ["half a state", "no state", "another kind", "cut", "no items", "other items"])
def test_a_damaged_folder_is_filled_anew(damage: str, rows: np.ndarray, queries: np.ndarray, tmp_path: Path) -> None:
    table = table_of(rows)
    right = found(Scan.open(tmp_path, table, "image", WIDTHS), queries)
    state, (half,), (items,) = tmp_path / "state.json", tmp_path.glob("half-*"), tmp_path.glob("items-*")
    match damage:
        case "half a state":
            state.write_bytes(state.read_bytes()[:100])
        case "no state":
            state.unlink()
        case "another kind":
            state.write_text("[1, 2]")
        case "cut":
            os.truncate(half, 100)
        case "no items":
            items.unlink()
        case "other items":
            items.write_text('"a"\n' * 10_000)
    assert same(found(Scan.open(tmp_path, table, "image", WIDTHS), queries), right)
    assert {path.name.partition("-")[0] for path in tmp_path.iterdir()} == {
        "full",
        "half",
        "items",
        "lock",
        "state.json",
    }


def test_a_folder_of_another_table_is_filled_anew(rows: np.ndarray, queries: np.ndarray, tmp_path: Path) -> None:
    Scan.open(tmp_path, table_of(-rows, name="first"), "image", WIDTHS)
    table = table_of(rows, name="second")
    right = found(Scan.open(tmp_path / "own", table, "image", WIDTHS), queries)
    assert same(found(Scan.open(tmp_path, table, "image", WIDTHS), queries), right)


@pytest.mark.parametrize("moment", ["reading", "halving", "committing"])
def test_an_update_that_fails_changes_nothing(
    moment: str, rows: np.ndarray, queries: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stop(Exception):
        """Stands for whatever ends an update."""

    def stop(*given: object, **named: object) -> None:
        raise Stop

    table = table_of(rows)
    before = Scan.open(tmp_path, table, "image", WIDTHS)
    state = (tmp_path / "state.json").read_bytes()
    table.put({f"new {k}": row for k, row in enumerate(rows[:50])})
    names = {"reading": "BLOCK", "halving": "_halved", "committing": "write_json"}
    with monkeypatch.context() as patched:
        patched.setattr(f"diptych.search.scan_folder.{names[moment]}", 20 if moment == "reading" else stop)
        if moment == "reading":
            patched.setattr(table, "read", reading_until_stopped(table.read, Stop))
        with pytest.raises(Stop):
            Scan.open(tmp_path, table, "image", WIDTHS)
    assert (tmp_path / "state.json").read_bytes() == state
    assert len(before) == 250
    after = found(Scan.open(tmp_path, table, "image", WIDTHS), queries)
    assert same(after, found(Scan.open(tmp_path / "fresh", table, "image", WIDTHS), queries))


def reading_until_stopped(read: Callable[..., Items], stop: type[Exception]) -> Callable[..., Items]:
    calls = count()

    def limited(ids: list[str], *, vectors: tuple[Modality, ...]) -> Items:
        if next(calls) == 2:
            raise stop
        return read(ids, vectors=vectors)

    return limited


@pytest.mark.parametrize("moment", ["_halved", "write_json"])
def test_a_killed_update_leaves_the_old_state(moment: str, rows: np.ndarray, tmp_path: Path) -> None:
    table, folder, items = table_of(rows), tmp_path / "scan", tmp_path / "items.npz"
    contents = table.contents()
    np.savez(items, ids=list(contents), contents=list(contents.values()), vectors=rows.astype(np.float32))
    script = Path(__file__).with_name("killed_scan.py")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    killed = subprocess.run([sys.executable, script, folder, items, moment], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    query = np.ones((1, 11), np.float32)
    best = Scan.open(folder, table, "image", (11,)).search((query,), None, k=9, modality="text")
    assert (table.scanned, len(table.asked)) == (0, 125)
    fresh_scan = Scan.open(tmp_path / "fresh", table, "image", (11,))
    assert same(best, fresh_scan.search((query,), None, k=9, modality="text"))


def test_two_that_update_at_once_are_both_right(rows: np.ndarray, queries: np.ndarray, tmp_path: Path) -> None:
    table = table_of(rows)
    right = found(Scan.open(tmp_path / "own", table, "image", WIDTHS), queries)
    with ThreadPoolExecutor(6) as pool:
        scans = list(pool.map(lambda _: Scan.open(tmp_path / "shared", table, "image", WIDTHS), range(6)))
    assert table.scanned == 2
    assert all(same(found(scan, queries), right) for scan in scans)


def test_moments_are_kept_until_the_rows_change(rows: np.ndarray, queries: np.ndarray, tmp_path: Path) -> None:
    table = table_of(rows)
    first = found(Scan.open(tmp_path, table, "image", WIDTHS), queries, name="zscore")
    (kept,) = tmp_path.glob("moments-*")
    assert same(found(Scan.open(tmp_path, table, "image", WIDTHS), queries, name="zscore"), first)
    assert list(tmp_path.glob("moments-*")) == [kept]
    kept.write_bytes(b"PK")
    assert same(found(Scan.open(tmp_path, table, "image", WIDTHS), queries, name="zscore"), first)
    table.put({"new": 3 * rows[0]})
    changed = found(Scan.open(tmp_path, table, "image", WIDTHS), queries, name="zscore")
    assert not kept.exists()
    check(changed[0], fused_by_all(table, queries[0].astype(np.float32), ROOM.open("zscore").Rule()), 10)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many rows moments are computed from, each time."""
    seen, of = [], Moments.of

    def counting(blocks: Iterable[np.ndarray], *given: object, **named: object) -> tuple[Moments, ...]:
        read = list(blocks)
        seen.append(sum(map(len, read)))
        return of(read, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Moments, "of", counting)
    return seen


def by_zscore(folder: Path, table: SmallTable, queries: np.ndarray) -> None:
    """Search, and compare with scoring everything."""
    best = found(Scan.open(folder, table, "image", WIDTHS), queries, name="zscore")
    for query, one in zip(queries.astype(np.float32), best, strict=True):
        check(one, fused_by_all(table, query, ROOM.open("zscore").Rule()), 10)


def test_moments_are_extended_by_rows_that_were_only_added(
    rows: np.ndarray, queries: np.ndarray, counted: list[int], tmp_path: Path
) -> None:
    table = table_of(rows)
    by_zscore(tmp_path, table, queries)
    table.put({"new": 3 * rows[0]})
    found(Scan.open(tmp_path, table, "image", WIDTHS), queries)  # a state that nothing asks for moments
    table.put({"newer": rows[1], "a text": None})
    by_zscore(tmp_path, table, queries)
    assert counted == [250, 2]
    assert len(list(tmp_path.glob("moments-*"))) == 1


def test_moments_are_computed_anew_where_rows_left(
    rows: np.ndarray, queries: np.ndarray, counted: list[int], tmp_path: Path
) -> None:
    table = table_of(rows)
    by_zscore(tmp_path, table, queries)
    table.remove(["item 005"])
    by_zscore(tmp_path, table, queries)
    table.put({"item 006": 3 * rows[0]})
    Scan.open(tmp_path, table, "image", WIDTHS)
    table.put({"new": rows[1]})
    by_zscore(tmp_path, table, queries)
    assert counted == [250, 249, 250]


def test_moments_that_another_version_kept_are_computed_anew(
    rows: np.ndarray, queries: np.ndarray, counted: list[int], tmp_path: Path
) -> None:
    table = table_of(rows)
    by_zscore(tmp_path, table, queries)
    (kept,) = tmp_path.glob("moments-*")
    with kept.open("wb") as file:
        np.savez(file, mean_0=np.zeros(32), covariance_0=np.zeros((32, 32)), mean_1=np.zeros(32))
    state = tmp_path / "state.json"
    state.write_text(json.dumps({k: v for k, v in json.loads(state.read_text()).items() if k != "extends"}))
    by_zscore(tmp_path, table, queries)
    assert (counted, table.scanned) == ([250, 250], 1)


def test_a_folder_that_cannot_be_written_says_so(rows: np.ndarray, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreFailed, match=r"cannot be kept in .*file: File exists\. Make room and try again"):
        Scan.open(tmp_path / "file", table_of(rows), "image", WIDTHS)


def test_a_table_of_another_width_is_refused(rows: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(ShapeMismatch, match=r"side 'image' must have 12 numbers, as spaces of \(6, 6\) do; .* has 11"):
        Scan.open(tmp_path, table_of(rows), "image", (6, 6))


def test_vectors_that_are_not_finite_are_refused(rows: np.ndarray, queries: np.ndarray, tmp_path: Path) -> None:
    scan = Scan.open(tmp_path / "own", table_of(rows), "image", WIDTHS)
    rows[3, 2] = np.nan
    with pytest.raises(BadFeature, match="vectors in table 'small' must be finite; got NaN or infinity"):
        Scan.open(tmp_path, table_of(rows), "image", WIDTHS)
    queries[1, 1] = np.inf
    with pytest.raises(BadFeature, match="a query's vectors must be finite"):
        found(scan, queries)


def test_queries_of_another_shape_are_refused(rows: np.ndarray, tmp_path: Path) -> None:
    scan = Scan.open(tmp_path, table_of(rows), "image", WIDTHS)
    rule = ROOM.open("product").Rule()
    for shapes in (((2, 6),), ((2, 5), (2, 6)), ((2, 6), (3, 5))):
        with pytest.raises(ShapeMismatch, match=r"queries must be alike in number and \(6, 5\) wide in the spaces"):
            scan.search(tuple(np.ones(shape, np.float32) for shape in shapes), rule, k=3, modality="text")


def test_a_fusion_that_does_not_fit_is_refused(rows: np.ndarray, queries: np.ndarray, tmp_path: Path) -> None:
    scan = Scan.open(tmp_path, table_of(rows), "image", WIDTHS)
    with pytest.raises(
        BadSetting, match="a fusion makes one similarity of two, and one space needs none; got 2 spaces"
    ):
        scan.search(split(queries.astype(np.float32)), None, k=3, modality="text")
    with pytest.raises(BadSetting, match="a fusion must rank one query at a time"):
        found(scan, queries, name="released")
