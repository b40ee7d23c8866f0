"""A real Milvus 2.3.5, from the package milvus, where no network reaches it."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

SECONDS = 90
HERE = Path(__file__).parent
WITH_US = ["setpriv", "--pdeathsig", "KILL"]
"""A process that ends when this one does."""
APART = [*WITH_US, "unshare", "--map-root-user", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
"""A network, mounts and processes of its own, which all end when the first of them does."""


class Server:
    """One Milvus, started and killed at will, whose data stay in its folder; a port of loopback leads to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._door = folder / "door.sock"
        self._process: subprocess.Popen[bytes] | None = None
        passing = [*WITH_US, sys.executable, str(HERE / "passing.py"), str(self._door)]
        self._passing = subprocess.Popen(passing, stdout=subprocess.PIPE, text=True)
        self.uri = f"milvus://127.0.0.1:{int(self._passing.stdout.readline())}"

    def start(self) -> None:
        """Start the server, and return when it takes connections."""
        self._door.unlink(missing_ok=True)
        inside = [sys.executable, str(HERE / "milvus_inside.py"), str(self.folder)]
        with (self.folder / "output.txt").open("ab") as output:
            self._process = subprocess.Popen([*APART, *inside], stdout=output, stderr=output, start_new_session=True)
        deadline = time.monotonic() + SECONDS
        while not self._door.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"Milvus does not start: {(self.folder / 'output.txt').read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End the server and all its processes at once, without a chance to tidy up."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        self._door.unlink(missing_ok=True)

    def close(self) -> None:
        """End the server, give the port back and remove what it wrote."""
        self.kill()
        self._passing.kill()
        self._passing.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)


def running_server() -> Iterator[Server]:
    """Yield a started server in a new folder, short enough a path for a socket; then end it and remove its folder."""
    if find_spec("milvus") is None:
        pytest.skip("the package milvus is not installed: there is no Milvus to test with")
    if shutil.which("setpriv") is None or subprocess.run([*APART, "true"], capture_output=True).returncode:
        pytest.skip("this machine gives no network namespace: Milvus would listen on all interfaces")
    server = Server(Path(tempfile.mkdtemp(prefix="diptych-")))
    try:
        server.start()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def milvus_process() -> Iterator[Server]:
    """Return a Milvus that runs for the whole session, for tests that kill it and start it again."""
    yield from running_server()


@pytest.fixture(scope="session")
def milvus_server(milvus_process: Server) -> str:
    """Return the URI, without a collection's name, of a Milvus that runs for the whole session."""
    return milvus_process.uri


@pytest.fixture(scope="session")
def milvus_lite_server(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the URI, without a collection's name, of a file of milvus-lite."""
    pytest.importorskip("milvus_lite", reason="milvus-lite is not installed")
    return f"milvus://{tmp_path_factory.mktemp('lite')}/lite.db"
