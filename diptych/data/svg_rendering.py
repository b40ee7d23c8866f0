"""Rendering of SVGs in processes of their own, which are bounded in memory and time and can open no file.

A few kilobytes of SVG can crash a renderer, keep it busy for minutes, or embed any file that it can open.
"""

from diptych.data.svg_worker import MEMORY, SECONDS
from diptych.data.worker_pool import WorkerPool

workers = WorkerPool(
    "diptych.data.svg_worker",
    does="draws SVGs",
    late=f"is an SVG that takes more than {SECONDS} seconds to draw. Simplify it.",
    large=f"is an SVG that takes more memory to draw than {MEMORY >> 20:,} MiB. Simplify it.",
)


def render_svg(markup: str, side: int, *, named: str) -> bytes:
    """Return an SVG as a PNG as large as fits into a square of `side` pixels, without the system's fonts.

    `BadImage` if it takes more memory or time than is allowed, `ValueError` if it cannot be rendered, `WorkerLost` if
    no worker can be started.
    """
    return workers.ask(markup.encode(), side, named=named)
