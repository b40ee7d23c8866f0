"""Trainings that are killed by SIGKILL, each a process of its own, forked where one has run undisturbed.

    python killing.py DATA FOLDER

leaves one killed run for each moment in FOLDER, and in FOLDER/again one that was killed time and again until it
had finished all the same.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from diptych.encoders import tensor_files
from diptych.retriever import Retriever
from diptych.training import loop, saving
from diptych.training.run_folder import RunFolder

TINY = (
    "image_encoder.side=64",
    *("training.epochs=4", "training.batch=5"),
    *(f"{space}.{name}=16" for space in ("visual", "textual") for name in ("width", "hidden")),
    *("visual.reduce=0", "textual.reduce=8"),
)
"""Settings of a model that learns in a second."""


def train(data: Path, out: Path, **changes: Any) -> Retriever:
    """Train the tiny model for four epochs of three steps."""
    wanted = {"settings": TINY, "image_encoder": "efficientnet-lite0", "text_encoder": "glove", **changes}
    return Retriever.train("mcsm", str(data), out=out, **wanted)


def die(*_: object, **__: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def at_call(number: int, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function`, deadly the given time it is called, counted from 1."""
    calls = 0

    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            die()
        return function(*arguments, **named)

    return counted


def in_an_epoch() -> None:
    loop.step = at_call(5, loop.step)


def before_the_first_weights() -> None:
    loop.save_weights = at_call(1, loop.save_weights)


def while_weights_are_flushed() -> None:
    real = tensor_files.save

    def save_and_half_die(*arguments: Any, **named: Any) -> bytes:
        os.fsync = die
        return real(*arguments, **named)

    tensor_files.save = save_and_half_die


def between_weights_and_metrics() -> None:
    RunFolder.write_metrics = at_call(1, RunFolder.write_metrics)


def between_metrics_and_checkpoint() -> None:
    real = RunFolder.write_metrics

    def write_and_doom(self: RunFolder, metrics: list[dict[str, Any]]) -> None:
        real(self, metrics)
        if len(metrics) == 2:
            loop.save_tensors = die

    RunFolder.write_metrics = write_and_doom


def before_the_result() -> None:
    RunFolder.end = die


def between_result_and_farewell() -> None:
    Path.unlink = die


def between_the_weights_of_an_encoder_and_the_method() -> None:
    saving.save_tensors = at_call(2, saving.save_tensors)


MOMENTS = {
    moment.__name__: moment
    for moment in (
        in_an_epoch,
        before_the_first_weights,
        while_weights_are_flushed,
        between_weights_and_metrics,
        between_metrics_and_checkpoint,
        before_the_result,
        between_result_and_farewell,
    )
}


TUNED = {"settings": (*TINY, "tune.image=2", "tune.text=1"), "text_encoder": "minilm"}
"""The tiny model, whose encoders learn with it."""
TUNED_MOMENTS = {
    moment.__name__: moment
    for moment in (in_an_epoch, between_the_weights_of_an_encoder_and_the_method, between_weights_and_metrics)
}


def forked(work: Callable[[], object], *, seconds: float | None = None) -> int:
    """Run `work` in a process of its own, killed after some seconds; return the signal that ended it, 0 for none."""
    if not (process := os.fork()):
        work()
        os._exit(0)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(process, signal.SIGKILL)
    status = os.waitpid(process, 0)[1]
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def main(data: Path, folder: Path) -> None:
    def doomed(name: str) -> None:
        MOMENTS[name]()
        train(data, folder / name)

    def doomed_while_tuned(name: str) -> None:
        TUNED_MOMENTS[name]()
        train(data, folder / "tuned" / name, **TUNED)

    start = time.perf_counter()
    train(data, folder / "whole")
    whole = time.perf_counter() - start
    for name in MOMENTS:
        if forked(lambda name=name: doomed(name)) != signal.SIGKILL:
            raise SystemExit(f"the run {name} was not killed")
    train(data, folder / "tuned" / "whole", **TUNED)
    for name in TUNED_MOMENTS:
        if forked(lambda name=name: doomed_while_tuned(name)) != signal.SIGKILL:
            raise SystemExit(f"the tuned run {name} was not killed")
    seconds = whole / 8
    while forked(lambda: train(data, folder / "again", resume=True), seconds=seconds):
        seconds *= 1.4


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
