"""What is written while a collection moves to another model, by this process or another, is where it is looked for."""

import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from diptych.collection import Collection, NewItem
from diptych.collection import reencoding as moving
from diptych.collection.records import UpcomingTable
from diptych.index.contract import Store
from diptych.retriever import Retriever

from .conftest import QUERY, MakeCollection, found, items_file


@pytest.fixture
def texts(make: MakeCollection, tmp_path: Path) -> Collection:
    """Return a collection of twenty texts."""
    return make(items_file(tmp_path, *({"id": f"{k:02}", "text": f"number {k}"} for k in range(20))))


def second(runs: tuple[Retriever, Retriever]) -> str:
    return str(runs[1].folder.path)


def at_the_switch(monkeypatch: pytest.MonkeyPatch, store: Store, act: Callable[[], object], *, after: bool) -> None:
    """Do something just before or just after the record names the new table."""
    remember = store.remember

    def remembering(record: Mapping[str, Any]) -> None:
        switches = record["table"] != (store.record() or {})["table"]
        if switches and not after:
            act()
        remember(record)
        if switches and after:
            act()

    monkeypatch.setattr(store, "remember", remembering)


def test_what_is_put_in_right_after_the_switch_stays(
    texts: Collection, runs: tuple[Retriever, Retriever], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Collection.open(texts.name)
    change = [NewItem({"id": "new", "text": "late"}), NewItem({"id": "03", "text": "another"})]
    at_the_switch(monkeypatch, texts.store, lambda: (other.put(change), other.remove(["07"])), after=True)
    texts.reencode(second(runs))
    assert texts.ids() == [*(f"{k:02}" for k in range(20) if k != 7), "new"]
    assert texts.table.read(["03"]).texts == (("another",),)


def test_who_writes_right_before_the_switch_waits_and_writes_into_the_new_table(
    texts: Collection, runs: tuple[Retriever, Retriever], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Collection.open(texts.name)
    with ThreadPoolExecutor(2) as pool:
        writing: list[Any] = []

        def write() -> None:
            writing.append(pool.submit(other.put, [NewItem({"id": "new", "text": "late"})]))
            writing.append(pool.submit(Collection.open(texts.name).remove, ["07"]))
            time.sleep(1)
            assert not any(each.done() for each in writing)

        at_the_switch(monkeypatch, texts.store, write, after=False)
        texts.reencode(second(runs))
        (added, rejects), removed = (each.result(30) for each in writing)
    assert (added.added, rejects, removed) == (1, [], 1)
    assert texts.ids() == [*(f"{k:02}" for k in range(20) if k != 7), "new"]
    assert other.model.digest == texts.model.digest
    placed = other.model.encode("text", ["late"])
    expected = other.model.kept.reduced("text", placed)
    stored = texts.table.read(["new"], vectors=("text",)).vectors["text"].rows
    assert stored[0].tolist() == pytest.approx([number for space in expected for number in space[0]], abs=1e-5)


def test_a_long_addition_goes_where_the_collection_goes(
    texts: Collection, runs: tuple[Retriever, Retriever], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diptych.ingest.upserting.AT_ONCE", 4)
    other, told = Collection.open(texts.name), []

    def move(done: int, total: int, label: str) -> None:
        told.append(done)
        if done == 8:
            other.reencode(second(runs))

    rows = [{"id": f"n{k:02}", "text": f"late {k}"} for k in range(20)]
    added = texts.add(str(items_file(tmp_path, *rows)), progress=move)
    assert (added.added, told) == (20, [4, 8, 12, 16, 20])
    assert texts.ids() == sorted([f"{k:02}" for k in range(20)] + [row["id"] for row in rows])
    assert texts.record.table == "items_2"
    shown = found(texts, "late 19", k=40, against="text")
    texts.reencode(str(runs[0].folder.path))
    texts.reencode(second(runs))
    assert found(texts, "late 19", k=40, against="text") == shown


def test_a_move_that_was_killed_while_writers_waited_holds_nobody_up(
    texts: Collection, runs: tuple[Retriever, Retriever], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "FENCE_SECONDS", 4.0)

    def killed() -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        at_the_switch(patch, texts.store, killed, after=False)
        with pytest.raises(KeyboardInterrupt):
            texts.reencode(second(runs))
    began = time.monotonic()
    texts.put([NewItem({"id": "new", "text": "late"})])
    assert 1 < time.monotonic() - began < 5
    began = time.monotonic()
    texts.remove(["03"])
    assert time.monotonic() - began < 1
    assert texts.reencode(second(runs)).added == 1
    assert texts.ids() == [*(f"{k:02}" for k in range(20) if k != 3), "new"]


def test_a_collection_that_was_made_anew_is_answered_by_its_new_model(
    make: MakeCollection, tiny_set: Path, runs: tuple[Retriever, Retriever]
) -> None:
    reader = make(tiny_set)
    before = found(reader, QUERY, k=24)
    writer = Collection.open(reader.name)
    writer.drop()
    with Collection.create(reader.name, second(runs)) as anew:
        anew.add(str(tiny_set))
        assert found(reader, QUERY, k=24) == found(anew, QUERY, k=24)
    assert sorted(found(reader, QUERY, k=24)) == sorted(before)
    assert reader.record.table == "items_1"


def test_what_a_collection_had_before_a_move_is_let_go_of(texts: Collection, runs: tuple[Retriever, Retriever]) -> None:
    old = texts.record
    texts.search("number 3", against="text")
    texts.reencode(second(runs))
    texts.search("number 3", against="text")
    assert texts.resources.has_model(old)
    texts.forget(texts.record)
    assert not texts.resources.has_model(old)
    assert texts.resources.has_model(texts.record)
    assert texts.search("number 3", against="text").hits


def test_the_record_says_which_model_comes_next(
    texts: Collection, runs: tuple[Retriever, Retriever], tmp_path: Path
) -> None:
    seen: list[UpcomingTable | None] = []
    texts.reencode(second(runs), progress=lambda *_: seen.append(texts.record.next))
    assert seen[0] is not None
    assert seen[0].model.source == second(runs)
    assert seen[0].digest == texts.model.digest == texts.resources.load_model(seen[0].model).digest
    assert texts.record.next is None
    json.dumps(texts.record.to_json())
