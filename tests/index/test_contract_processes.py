"""Several processes on one store: all that is acknowledged stays, whoever else writes and whoever dies."""

import pytest

from diptych.index.contract import Store

from .killing import SHARED, Writer, batch, check_killed_writers, check_nothing_lost, prepare

pytestmark = pytest.mark.usefixtures("several_processes")


def test_two_writing_processes_both_succeed(store: Store) -> None:
    table = prepare(store)
    with Writer(store.uri, "one", 15) as one, Writer(store.uri, "two", 15) as two:
        assert one.finish() == two.finish() == 0
    assert one.acknowledged == two.acknowledged == list(range(15))
    assert table.count() == 2 * 15 * 20 + len(SHARED)
    check_nothing_lost(store.uri, [one, two])


def test_compaction_and_reading_go_on_beside_a_writer(store: Store) -> None:
    table = prepare(store)
    with Writer(store.uri, "one", 25) as writer:
        writer.write_until(3)
        for _ in range(3):
            table.compact()
            table.build_index("image")
            assert table.nearest("image", batch("one", 1).vectors["image"].rows[0], k=5).ids
        assert writer.finish() == 0
    check_nothing_lost(store.uri, [writer])


def test_a_killed_writer_loses_nothing_that_was_acknowledged(store: Store) -> None:
    prepare(store)
    check_killed_writers(store.uri)
