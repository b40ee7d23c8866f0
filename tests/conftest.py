"""Fixtures for every test: the checks on shapes, the research data, a cache of its own."""

import io
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import tarfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from jaxtyping import install_import_hook
from PIL import Image, ImageDraw

install_import_hook("diptych", "beartype.beartype")

from diptych.cluster import Cluster, import_ray  # noqa: E402 - the hook comes first
from diptych.errors import MissingExtra  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that runs everything."""
    parser.addoption("--thorough", action="store_true", help="run also what takes minutes with a real server")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked as thorough unless it is asked for."""
    if config.getoption("--thorough"):
        return
    left_out = [item for item in items if item.get_closest_marker("thorough")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Return the folder of research data sets, or skip with the reason."""
    root = os.environ.get("DIPTYCH_DATA")
    if not root or not Path(root).is_dir():
        pytest.skip("DIPTYCH_DATA does not name a folder: the research data sets are not on this machine")
    return Path(root).resolve()


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test an empty cache, so that none reads what another wrote."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("DIPTYCH_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session", autouse=True)
def own_configuration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep what is set and remembered on this machine out of the tests, and theirs out of the user's folder."""
    folder = tmp_path_factory.mktemp("configuration")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(folder))
        yield folder


@pytest.fixture(scope="session")
def tiny_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with 24 small pictures of two kinds, each with two texts, split 16/4/4."""
    folder = tmp_path_factory.mktemp("data") / "tiny"
    draw_tiny_set(folder)
    return folder


def draw_tiny_set(folder: Path) -> None:
    """Draw red squares and blue discs, with a manifest that describes them."""
    folder.mkdir()
    lines = []
    for k in range(24):
        kind, colour = ("square", "red") if k % 2 else ("disc", "blue")
        image = Image.new("RGB", (48, 48), "white")
        draw = ImageDraw.Draw(image)
        (draw.rectangle if kind == "square" else draw.ellipse)((k, k // 2, k + 20, k // 2 + 20), fill=colour)
        image.save(folder / f"{k}.png")
        split = "train" if k < 16 else "val" if k < 20 else "test"
        texts = [f"a {colour} {kind}, number {k}", f"number {k} is a {kind} drawn in {colour}"]
        row = {"id": f"p{k}", "image": f"{k}.png", "texts": texts, "category": kind, "split": split}
        lines.append(json.dumps(row))
    (folder / "pairs.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[Cluster]:
    """Start Ray with room for two workers, once for all tests; commands with `--on ray` find it."""
    try:
        ray = import_ray()
    except MissingExtra as missing:
        pytest.skip(str(missing))
    ray.init(
        "local", num_cpus=2, include_dashboard=False, object_store_memory=100 * 2**20, log_to_driver=False,
        logging_level=logging.ERROR, _node_ip_address="127.0.0.1",
    )  # fmt: skip
    yield Cluster()
    ray.shutdown()


def ray_workers() -> list[int]:
    """Return the processes of this process's cluster that have work or wait for it as actors."""
    parents: dict[int, int] = {}
    titles: dict[int, str] = {}
    for folder in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            pid = int(folder.name)
            parents[pid] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            titles[pid] = (folder / "cmdline").read_text()
    return sorted(
        pid
        for pid, title in titles.items()
        if title.startswith(("ray::MapWorker", "ray::in_place")) and parents.get(parents[pid]) == os.getpid()
    )


class KillAWorker:
    """Ends one worker of Ray with SIGKILL when work has been told to be under way."""

    def __init__(self) -> None:
        self.killed: int | None = None
        self.done = 0
        """How much was done by then."""
        self.total = 0

    def __call__(self, done: int, total: int, label: str) -> None:
        """Take part in progress."""
        if done and self.killed is None and (workers := ray_workers()):
            self.killed, self.done, self.total = workers[0], done, total
            os.kill(workers[0], signal.SIGKILL)


@pytest.fixture
def killer() -> KillAWorker:
    """Return progress that kills one worker once."""
    return KillAWorker()


@pytest.fixture(scope="session")
def s3(tiny_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the tiny set as S3 on this machine by moto, and return its endpoint."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("moto") / "log"
    # paths of this environment are none of its business
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("wb") as told, subprocess.Popen(command, stdout=told, stderr=told, env=surroundings) as server:
        try:
            _wait_for(port, server, log)
            _put(f"http://127.0.0.1:{port}/shop", b"")
            for path in tiny_set.iterdir():
                _put(f"http://127.0.0.1:{port}/shop/tiny/{path.name}", path.read_bytes())
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def _put(url: str, content: bytes) -> None:
    request = urllib.request.Request(url, content, {"Content-Type": "image/png"}, method="PUT")
    urllib.request.urlopen(request, timeout=60).close()


def _wait_for(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(600):
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError(f"moto did not start: {log.read_text()}")


@pytest.fixture
def bucket(s3: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URL of the tiny set in a bucket, with the variables set that lead there."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    return "s3://shop/tiny"


def packed_tar(folder: Path, tar: Path) -> Path:
    """Write the pairs of a folder with a manifest into a tar in the manner of WebDataset, and return it."""
    with tarfile.open(tar, "w") as archive:
        for line in (folder / "pairs.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            told = json.dumps({name: row[name] for name in ("texts", "category", "split")}).encode()
            for suffix, content in (("png", (folder / row["image"]).read_bytes()), ("json", told)):
                member = tarfile.TarInfo(f"{row['id']}.{suffix}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return tar


@pytest.fixture(scope="session")
def tiny_tar(tiny_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tiny set as a tar."""
    return packed_tar(tiny_set, tmp_path_factory.mktemp("tars") / "tiny.tar")


@pytest.fixture(scope="session")
def tiny_parquet(tiny_set: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tiny set as a Parquet file with pictures as Hugging Face keeps them, five rows a group."""
    import pyarrow
    from pyarrow import parquet

    rows = [json.loads(line) for line in (tiny_set / "pairs.jsonl").read_text(encoding="utf-8").splitlines()]
    for row in rows:
        row["image"] = {"bytes": (tiny_set / row["image"]).read_bytes(), "path": row["image"]}
    file = tmp_path_factory.mktemp("parquet") / "tiny.parquet"
    parquet.write_table(pyarrow.Table.from_pylist(rows), file, row_group_size=5)
    return file
