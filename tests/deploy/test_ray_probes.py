"""A real head of Ray, started as its manifest says, answers the probes and refuses who has not its token."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.workloads import Manifest, containers
from tests.web.processes import free_port

grpc = pytest.importorskip("grpc", reason="grpcio is not installed: pip install 'diptych[milvus]'")
pytest.importorskip("ray", reason="ray is not installed: pip install 'diptych[ray]'")

SECONDS = 90
SERVING = b"\x08\x01"
"""The answer of the health service of gRPC to a question about the whole server: field 1, SERVING."""
CONNECT = "import ray; ray.init(address={address!r}, log_to_driver=False); print(len(ray.nodes()))"


def manifest_of(owner: str) -> Manifest:
    [container] = [one for name, one in containers() if name == owner]
    return container


def probed(port: int) -> bytes | None:
    """Return what a kubelet's probe by gRPC is answered: it has no key; None if there is no answer."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check")
        try:
            answer: bytes = check(b"", timeout=5)
        except grpc.RpcError:
            return None
    return answer


def environment(token: Path) -> dict[str, str]:
    """Return the environment that the manifest sets, with a token elsewhere."""
    told = {each["name"]: each["value"] for each in manifest_of("Deployment diptych-ray-head")["env"]}
    return {**os.environ, **told, "RAY_AUTH_TOKEN_PATH": str(token)}


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder with a short path, for the sake of Ray's sockets."""
    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as path:
        yield Path(path)


@pytest.mark.slow
def test_the_head_answers_probes_without_a_token_and_nothing_else(folder: Path) -> None:
    token, other = folder / "token", folder / "other"
    token.write_text("1" * 64)
    other.write_text("2" * 64)
    command = manifest_of("Deployment diptych-ray-head")["command"]
    own = {port: free_port() for port in re.findall(r"port=(\d+)", " ".join(command))}
    words = [re.sub(r"port=(\d+)", lambda found: f"port={own[found[1]]}", word) for word in command[1:]]
    script = Path(sys.executable).with_name("ray")
    guarded = ["setpriv", "--pdeathsig", "TERM", str(script), *words]
    guarded += ["--node-ip-address=127.0.0.1", f"--temp-dir={folder}", f"--ray-client-server-port={free_port()}"]
    with (folder / "log").open("wb") as log:
        head = subprocess.Popen(guarded, stdout=log, stderr=log, env=environment(token))
    try:
        end = time.monotonic() + SECONDS
        while {probed(port) for port in own.values()} != {SERVING}:
            assert head.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end, (folder / "log").read_text()
            time.sleep(0.5)
        connect = CONNECT.format(address=f"127.0.0.1:{own['6379']}")
        outcomes = [
            subprocess.run([sys.executable, "-c", connect], env=environment(each), capture_output=True, text=True)
            for each in (token, other)
        ]
        assert [each.returncode == 0 for each in outcomes] == [True, False], outcomes
        assert outcomes[0].stdout.strip() == "1"
        assert "Authentication" in outcomes[1].stderr
    finally:
        head.terminate()
        head.wait(SECONDS)
