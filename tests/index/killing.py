"""Writers in processes of their own, which say what was acknowledged and may be killed at any moment.

    python killing.py URI NAME COUNT

writes COUNT batches (0: without end) under NAME into the table `items` of a store, and prints the number of each as
soon as its write has returned. Each batch also replaces the same few shared items, all at once.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from diptych.index.address import open_store
from diptych.index.contract import Layout, Store, Table
from diptych.index.items import Items, ItemVectors

ROOT = Path(__file__).resolve().parents[2]
TABLE = "items"
LAYOUT = Layout({"image": 32})
SIZE = 20
SHARED = tuple(f"shared {number}" for number in range(5))
SECONDS = 60


def batch(name: str, number: int) -> Items:
    """Return a writer's batch of that number: items of its own and the shared ones."""
    ids = (*own_ids(name, number), *SHARED)
    rows = np.random.default_rng(number).normal(size=(len(ids), 32)).astype(np.float32)
    contents = (f"{name} {number}",) * len(ids)
    vectors = {"image": ItemVectors(rows, np.ones(len(ids), bool))}
    return Items(ids, contents, (None,) * len(ids), ((),) * len(ids), ({},) * len(ids), vectors)


def own_ids(name: str, number: int) -> tuple[str, ...]:
    return tuple(f"{name} {number:05d} {row:02d}" for row in range(SIZE))


class Writer:
    """A process that writes batches; used as a context, it does not outlive the block."""

    def __init__(self, uri: str, name: str, count: int = 0) -> None:
        self.name = name
        command = [sys.executable, __file__, uri, name, str(count)]
        # ours first, then what a test has installed
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        environment = os.environ | {"PYTHONPATH": path}
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        self.acknowledged: list[int] = []

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def write_until(self, count: int) -> None:
        """Return as soon as that many batches are acknowledged."""
        while len(self.acknowledged) < count and (line := self._process.stdout.readline()):
            self.acknowledged.append(int(line))

    def kill(self) -> None:
        """End the process as `kill -9` does, and learn what it had said until then."""
        self._process.kill()
        self.finish()

    def finish(self) -> int:
        """Wait for the end, learn what was said until then, and return the exit status."""
        if not self._process.stdout.closed:
            self.acknowledged += [int(line) for line in self._process.communicate(timeout=SECONDS)[0].split()]
        return self._process.wait(SECONDS)


def prepare(store: Store) -> Table:
    """Make the table that writers write into."""
    return store.create_table(TABLE, LAYOUT)


def check_nothing_lost(uri: str, writers: list[Writer]) -> None:
    """Check that every acknowledged batch is there, every batch whole, and that the store can be written to."""
    store = open_store(uri)
    table = store.table(TABLE)
    contents = table.contents()
    expected = {item for writer in writers for number in writer.acknowledged for item in own_ids(writer.name, number)}
    assert expected <= contents.keys()
    written = {contents[item] for item in contents}
    for name, number in (content.split() for content in written):
        assert {contents.get(item) for item in own_ids(name, int(number))} == {f"{name} {number}"}
    assert len({contents[item] for item in SHARED}) == 1
    assert len(contents) == SIZE * len(written) + len(SHARED) == table.count() == len(table.ids())
    check_vectors(table, writers[0].name, writers[0].acknowledged[-1])
    table.write(batch("after", 0))
    assert table.count() == len(contents) + SIZE
    store.close()


def check_vectors(table: Table, name: str, number: int) -> None:
    """Check that a batch has the vectors it was written with."""
    stored, expected = table.read(own_ids(name, number), vectors=["image"]), batch(name, number)
    assert np.array_equal(stored.vectors["image"].rows, expected.vectors["image"].rows[:SIZE])


def check_killed_writers(uri: str, *, times: int = 3) -> None:
    """Kill writers in mid-ingest, each at another moment, and check after each what is there."""
    killed: list[Writer] = []
    for number in range(times):
        with Writer(uri, f"writer{number}") as writer:
            writer.write_until(4)
            time.sleep(0.013 * number)
        assert len(writer.acknowledged) >= 4
        killed.append(writer)
    check_nothing_lost(uri, killed)


def main(uri: str, name: str, count: int) -> None:
    table = open_store(uri).table(TABLE)
    number = 0
    while not count or number < count:
        table.write(batch(name, number))
        print(number, flush=True)
        number += 1


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
