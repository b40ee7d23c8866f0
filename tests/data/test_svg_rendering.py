"""Drawings that crash, stall or spy: each is refused or harmless, and the process that asked goes on."""

import http.server
import os
import signal
import subprocess
import sys
import threading
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from PIL import Image

from diptych.data import svg_rendering
from diptych.data.pictures import decode
from diptych.errors import BadImage, WorkerLost

RED, WHITE = (255, 0, 0), (255, 255, 255)
RECTANGLE = '<rect width="10" height="10" fill="#f00"/>'


def svg(content: str) -> str:
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f'<svg {names} viewBox="0 0 10 10">{content}</svg>'


def embedded(content: str) -> str:
    return svg(
        f'<image width="10" height="10" href="data:image/svg+xml;base64,{b64encode(content.encode()).decode()}"/>'
    )


def filtered(primitives: str) -> str:
    return svg(f'<filter id="f">{primitives}</filter><rect width="10" height="10" filter="url(#f)"/>')


def chained(levels: int) -> str:
    """Return a drawing each of whose groups uses the one before ten times."""
    groups = "".join(f'<g id="u{k}">{f"""<use href="#u{k - 1}"/>""" * 10}</g>' for k in range(1, levels))
    return svg(f'<defs><g id="u0">{RECTANGLE}</g>{groups}</defs><use href="#u{levels - 1}"/>')


def colour(path: Path, content: str, *, side: int = 224) -> object:
    path.write_text(content)
    return decode(path, side=side).getpixel((side // 2, side // 2))


def workers() -> list[psutil.Process]:
    """Return the processes that draw for this one."""
    return [child for child in psutil.Process().children() if "diptych.data.svg_worker" in child.cmdline()]


def worker_of(pid: int) -> psutil.Process:
    """Return the only process that draws for another."""
    (child,) = (each for each in psutil.Process(pid).children() if "diptych.data.svg_worker" in each.cmdline())
    return child


DEEP = "<g opacity='0.9'>" * 900 + RECTANGLE + "</g>" * 900
BAD = {
    "depth within an embedded drawing": (embedded(svg(DEEP)), "takes more memory to draw than 1,024 MiB"),
    "uses of uses": (chained(12), "cannot be decoded: .*limit"),
    "a filter": (filtered('<feGaussianBlur stdDeviation="3"/>' * 50_000), "takes more than 5 seconds"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_a_drawing_that_takes_too_much_is_refused_and_the_next_is_drawn(
    tmp_path: Path, content: str, message: str
) -> None:
    with pytest.raises(BadImage, match=rf"bad.svg' .*{message}"):
        colour(tmp_path / "bad.svg", content)
    assert colour(tmp_path / "good.svg", svg(RECTANGLE)) == RED


def test_layers_that_take_too_much_memory_are_refused(tmp_path: Path) -> None:
    layers = "<g opacity='0.9'>" * 90 + RECTANGLE + "</g>" * 90
    assert colour(tmp_path / "small.svg", svg(layers), side=64) != WHITE
    with pytest.raises(BadImage, match=r"large.svg' is an SVG that takes more memory to draw than 1,024 MiB"):
        colour(tmp_path / "large.svg", svg(layers), side=4000)


@pytest.mark.parametrize(
    "embedding",
    [
        '<image width="10" height="10" href="{}"/>',
        '<image width="10" height="10" xlink:href="{}"/>',
        '<image width="10" height="10" href="file://{}"/>',
        '<filter id="f"><feImage href="{}"/></filter><rect width="10" height="10" filter="url(#f)"/>',
        '<pattern id="p" width="10" height="10"><image width="10" height="10" href="{}"/></pattern>'
        '<rect width="10" height="10" fill="url(#p)"/>',
        '<style>rect {{ fill: url("{}") }}</style><rect width="10" height="10"/>',
    ],
)
def test_no_other_file_is_drawn(tmp_path: Path, embedding: str) -> None:
    (tmp_path / "private").mkdir()
    secrets = [tmp_path / "private" / "secret.png", tmp_path / "private" / "secret.svg"]
    Image.new("RGB", (10, 10), RED).save(secrets[0])
    secrets[1].write_text(svg(RECTANGLE))
    for secret in secrets:
        for place in (str(secret), f"private/{secret.name}", f"../{tmp_path.name}/private/{secret.name}"):
            content = svg(embedding.format(place))
            assert colour(tmp_path / "a.svg", content) != RED
            assert colour(tmp_path / "a.svg", embedded(content)) != RED


def test_what_is_no_picture_is_not_read_either(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in ("/etc/passwd", "/dev/zero", tmp_path / "pipe", "/proc/self/environ"):
        assert colour(tmp_path / "a.svg", svg(f'{RECTANGLE}<image width="10" height="10" href="{place}"/>')) == RED


def test_nothing_is_fetched_from_the_net(tmp_path: Path) -> None:
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"http://127.0.0.1:{server.server_port}/a.png"
        assert colour(tmp_path / "a.svg", svg(f'{RECTANGLE}<image width="10" height="10" href="{place}"/>')) == RED
        server.shutdown()
    assert asked == []


def test_a_picture_within_an_svg_is_drawn(tmp_path: Path) -> None:
    Image.new("RGB", (10, 10), RED).save(tmp_path / "a.png")
    data = b64encode((tmp_path / "a.png").read_bytes()).decode()
    assert (
        colour(tmp_path / "a.svg", svg(f'<image width="10" height="10" href="data:image/png;base64,{data}"/>')) == RED
    )
    assert colour(tmp_path / "b.svg", embedded(svg(RECTANGLE))) == RED


def test_one_worker_is_kept_and_used_again(tmp_path: Path) -> None:
    svg_rendering.workers.end()
    with (tmp_path / "secret.txt").open("w") as secret:
        os.set_inheritable(secret.fileno(), True)
        assert colour(tmp_path / "a.svg", svg(RECTANGLE)) == RED
    before = workers()
    for k in range(20):
        assert colour(tmp_path / f"{k}.svg", svg(RECTANGLE)) == RED
    with pytest.raises(BadImage):
        colour(tmp_path / "bad.svg", "<svg><a></svg>")
    assert workers() == before
    assert all(not worker.open_files() for worker in before)


def test_a_worker_that_somebody_else_ended_is_replaced(tmp_path: Path) -> None:
    assert colour(tmp_path / "a.svg", svg(RECTANGLE)) == RED
    for how in (signal.SIGKILL, signal.SIGTERM):
        for worker in workers():
            worker.send_signal(how)
            worker.wait(10)
        assert colour(tmp_path / "b.svg", svg(RECTANGLE)) == RED


def test_a_worker_that_does_not_answer_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert colour(tmp_path / "a.svg", svg(RECTANGLE)) == RED
    for worker in svg_rendering.workers.workers:
        worker.connection.settimeout(0.5)
    for process in workers():
        process.suspend()
    with pytest.raises(BadImage, match=r"b.svg' is an SVG that takes more than 5 seconds to draw"):
        colour(tmp_path / "b.svg", svg(RECTANGLE))
    assert colour(tmp_path / "c.svg", svg(RECTANGLE)) == RED


def test_many_threads_draw_at_once_and_get_their_own_drawings(tmp_path: Path) -> None:
    wanted = {tmp_path / f"{k}.svg": (k, 255 - k, 7) for k in range(0, 200, 5)}
    for path, (red, green, blue) in wanted.items():
        path.write_text(svg(f'<rect width="10" height="10" fill="rgb({red},{green},{blue})"/>'))
    (tmp_path / "bad.svg").write_text(embedded(svg(DEEP)))

    def drawn(path: Path) -> object:
        try:
            return decode(path, side=32).getpixel((16, 16))
        except BadImage:
            return None

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(drawn, [*wanted, *[tmp_path / "bad.svg"] * 8, *wanted]))
    assert found == [*wanted.values(), *[None] * 8, *wanted.values()]
    assert len(workers()) <= len(os.sched_getaffinity(0))


def test_a_forked_child_draws_with_a_worker_of_its_own(tmp_path: Path) -> None:
    assert colour(tmp_path / "a.svg", svg(RECTANGLE)) == RED
    before = {worker.pid for worker in workers()}
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            right = colour(tmp_path / "b.svg", svg(RECTANGLE)) == RED
            os.write(sending, f"{right} {worker_of(os.getpid()).pid in before}".encode())
        finally:
            os._exit(0)
    os.close(sending)
    with os.fdopen(receiving) as told:
        assert told.read() == "True False"
    os.waitpid(child, 0)
    assert colour(tmp_path / "c.svg", svg(RECTANGLE)) == RED
    assert {worker.pid for worker in workers()} == before


PROGRAM = """
import os, sys, time
from pathlib import Path
from diptych.data.pictures import decode
decode(Path(sys.argv[1]))
if sys.argv[2] == "fork" and os.fork() == 0:
    time.sleep(60)
print("drawn", flush=True)
if sys.argv[2] != "end":
    time.sleep(60)
"""


@pytest.mark.parametrize("how", ["end", "wait", "fork"])
def test_a_worker_ends_with_its_parent(tmp_path: Path, how: str) -> None:
    (tmp_path / "a.svg").write_text(svg(RECTANGLE))
    command = [sys.executable, "-W", "error", "-c", PROGRAM, str(tmp_path / "a.svg"), how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as parent:
        children: list[psutil.Process] = []
        if how != "end":
            assert parent.stdout
            assert parent.stdout.readline() == "drawn\n"
            children = psutil.Process(parent.pid).children()
            worker = worker_of(parent.pid)
            parent.kill()
            worker.wait(10)
            [child.kill() for child in children if child.is_running()]
        said, told = parent.communicate(timeout=60)
    assert told == ""
    if how == "end":
        assert (said, parent.returncode) == ("drawn\n", 0)


def test_a_folder_of_modules_does_not_mislead_the_worker(tmp_path: Path) -> None:
    for name in ("socket", "struct", "resvg_py", "resource"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('foreign code ran')")
    (tmp_path / "a.svg").write_text(svg(RECTANGLE))
    program = tmp_path / "elsewhere" / "program.py"
    program.parent.mkdir()
    program.write_text(
        "from pathlib import Path\nfrom diptych.data.pictures import decode\nprint(decode(Path('a.svg')).size)"
    )
    done = subprocess.run([sys.executable, program], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("(224, 224)\n", "")


def test_a_worker_that_cannot_be_started_is_no_fault_of_the_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for worker in workers():
        worker.kill()
        worker.wait(10)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(WorkerLost, match=r"the process that draws SVGs cannot be started: .*No such file"):
        colour(tmp_path / "a.svg", svg(RECTANGLE))
    monkeypatch.undo()
    assert colour(tmp_path / "a.svg", svg(RECTANGLE)) == RED
