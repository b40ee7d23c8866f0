"""Where each test gets a store of each kind from."""

import uuid
from collections.abc import Callable, Iterator

import pytest

from diptych.index.address import open_store
from diptych.index.contract import Store, Table

from .oracle import OracleTable
from .samples import COLUMNS, LAYOUT, ODD_IDS, items_of

PACKAGES = {
    "lance": ("lancedb",),
    "postgresql": ("psycopg", "pgvector"),
    "milvus": ("pymilvus",),
    "milvus-lite": ("pymilvus", "milvus_lite"),
    "memory": (),
}
"""What must be installed for each kind of store."""


@pytest.fixture(scope="module", params=PACKAGES)
def kind(request: pytest.FixtureRequest) -> str:
    """Return each kind of store in turn, or skip with the reason."""
    name: str = request.param
    for package in PACKAGES[name]:
        pytest.importorskip(package, reason=f"{package} is not installed: no {name} to test with")
    return name


@pytest.fixture(scope="module")
def new_uri(kind: str, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """Return a function that returns, at each call, the URI of a store of this kind that does not exist yet."""
    if kind == "lance":
        return lambda: f"lance://{tmp_path_factory.mktemp('lance')}/collection"
    if kind == "memory":
        return lambda: f"memory://{_name()}"
    server: str = request.getfixturevalue(f"{kind.replace('-', '_')}_server")
    return lambda: f"{server}#{_name()}"


@pytest.fixture
def store(new_uri: Callable[[], str]) -> Iterator[Store]:
    """Yield a store that does not exist yet; drop what the test made of it."""
    yield from fresh(new_uri())


@pytest.fixture(scope="module")
def shared_store(new_uri: Callable[[], str]) -> Iterator[Store]:
    """Yield a store for all tests of a file."""
    yield from fresh(new_uri())


@pytest.fixture(scope="module")
def filled(shared_store: Store) -> tuple[Table, OracleTable]:
    """Return a table and its oracle with the same 325 items, some of them written twice; tests only read them."""
    table, oracle = shared_store.create_table("filled", LAYOUT), OracleTable("filled", LAYOUT)
    for filling in (table, oracle):
        filling.widen(COLUMNS)
        filling.write(items_of([f"item {n}" for n in range(200)], seed=1))
        filling.write(items_of([*ODD_IDS, *(f"item {n}" for n in range(180, 300))], seed=2))
    return table, oracle


@pytest.fixture
def several_processes(kind: str) -> None:
    """Skip stores that are files of one process."""
    if kind == "milvus-lite":
        pytest.skip("milvus-lite serves one process at a time")
    if kind == "memory":
        pytest.skip("the memory of a process is its own")


def fresh(uri: str) -> Iterator[Store]:
    opened = open_store(uri)
    yield opened
    opened.drop()
    opened.close()


def _name() -> str:
    return f"t{uuid.uuid4().hex[:12]}"
