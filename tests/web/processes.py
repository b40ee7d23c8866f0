"""Service processes of their own, and a real nginx before them."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guide" / "serving.md"
SECONDS = 90
AROUND = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
{block}
}}
"""
"""What stands around the block that the guide shows."""


class Process:
    """`diptych serve`, which ends with this process."""

    def __init__(self, place: str, folder: Path, *options: str) -> None:
        self.port = free_port()
        self._log = folder / f"service-{self.port}.log"
        command = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "diptych", "serve", place]
        command += ["--port", str(self.port), "--limit", "rate=0", *options]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "DIPTYCH_THREADS": "1"}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(command, stderr=log, env=environment)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it has said."""
        return self._log.read_text()

    def ready(self) -> bool:
        """Return whether it says that it is ready."""
        try:
            with urlopen(f"{self.url}/readyz", timeout=10) as answer:
                return bool(json.load(answer)["status"] == "ready")
        except HTTPError as error:
            error.close()
            return False
        except (URLError, OSError):
            return False

    def wait(self) -> None:
        """Return when it is ready."""
        end = time.monotonic() + SECONDS
        while not self.ready():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the service does not start: {self.log[-2000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """End it as `kill -9` does."""
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        """Tell it to end, and return when it has."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()


@contextmanager
def processes(place: str, folder: Path, *options: str, count: int = 2) -> Iterator[list[Process]]:
    """Yield service processes on one collection, which are ready."""
    started = [Process(place, folder, *options) for _ in range(count)]
    try:
        for each in started:
            each.wait()
        yield started
    finally:
        for each in started:
            each.end()


@contextmanager
def nginx(ports: list[int], folder: Path) -> Iterator[str]:
    """Yield the URL of an nginx before two services, set up as the guide shows it."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        pytest.skip("nginx is not installed (apt-get install nginx): nothing stands before the services")
    port = free_port()
    block = re.findall(r"^```nginx\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.M | re.S)[0]
    for shown, real in {":8001 ": ports[0], ":8002 ": ports[1], ":8000;": port}.items():
        assert block.count(shown) == 1
        block = block.replace(shown, f":{real}{shown[-1]}")
    config = folder / "nginx.conf"
    config.write_text(AROUND.format(folder=folder, block=block))
    command = ["setpriv", "--pdeathsig", "KILL", program, "-p", str(folder), "-c", str(config), "-e", "error.log"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            await_port(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


def await_port(port: int, process: "subprocess.Popen[Any]") -> None:
    """Return when something listens on a port."""
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    process.terminate()
    raise RuntimeError(f"nothing listens: {process.communicate()}")


def free_port() -> int:
    """Return a port of loopback that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
