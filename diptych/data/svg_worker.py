"""The program that renders SVGs for another process, within bounds: `python -m diptych.data.svg_worker`."""

SECONDS = 5
"""The most processor time that one drawing takes."""
MEMORY = 1 << 30
"""The most bytes of memory that the process takes."""


def draw(markup: bytes, side: int) -> bytes:
    """Return a PNG as large as fits into a square."""
    from resvg_py import svg_to_bytes

    drawn: bytes = svg_to_bytes(svg_string=markup.decode(), width=side, height=side, skip_system_fonts=True)
    return drawn


if __name__ == "__main__":
    import resvg_py  # noqa: F401 - no file can be opened afterwards

    from diptych.data.bounded_work import work_within_bounds

    work_within_bounds(draw, seconds=SECONDS, memory=MEMORY)
