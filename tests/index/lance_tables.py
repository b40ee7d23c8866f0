"""A table in a folder, a small disk, and bare items: what tests of LanceDB share."""

import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from diptych.errors import StoreFailed
from diptych.index.address import open_store
from diptych.index.contract import Store, Table
from diptych.index.items import Items

from .samples import LAYOUT, items_of

SMALL_DISK = 12
"""Mebibytes."""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "collection"


@pytest.fixture
def lance(place: Path) -> Store:
    return open_store(str(place))


@pytest.fixture
def table(lance: Store) -> Table:
    return lance.create_table("items", LAYOUT)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder on a disk of 12 MiB, or skip where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"no small disk can be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def bare(ids: list[str], seed: int) -> Items:
    return items_of(ids, seed=seed, columns={})


def many(number: int) -> Items:
    """Return a batch of 2,000 items."""
    return bare([f"{number} {row}" for row in range(2000)], number)


def write_until_full(table: Table) -> int:
    """Return how many batches went in before one was refused."""
    for number in count():
        try:
            table.write(many(number))
        except StoreFailed:
            break
    return number
