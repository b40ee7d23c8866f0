"""The program that decodes pictures for another process, within bounds: `python -m diptych.data.raster_worker`."""

import json
import struct
from dataclasses import dataclass
from typing import Any

SECONDS = 10
"""The most processor time that one picture takes."""
MEMORY = 4 << 30
"""The most bytes of memory that the process takes."""
SIZE = struct.Struct("!II")
"""Width and height, which precede the pixels: three bytes each, row by row."""


@dataclass(frozen=True)
class Sent:
    """A picture whose bytes were sent."""

    named: str
    suffix: str
    data: bytes

    def read_bytes(self) -> bytes:
        """Return its bytes."""
        return self.data

    def __str__(self) -> str:
        """Return the name by which messages call it."""
        return self.named


def request(named: str, suffix: str, data: bytes) -> bytes:
    """Return the content of a request: the picture's name and suffix as a line of JSON, and its bytes."""
    return json.dumps([named, suffix]).encode() + b"\n" + data


def decoded(content: bytes, side: int) -> bytes:
    """Return the size and the pixels of a picture, upright and opaque."""
    from diptych.data.pictures import decode

    line, _, data = content.partition(b"\n")
    named, suffix = json.loads(line)
    sent: Any = Sent(named, suffix, data)
    picture = decode(sent, side=side)
    return SIZE.pack(*picture.size) + picture.tobytes()


if __name__ == "__main__":
    from PIL import Image

    from diptych.data import pictures  # noqa: F401
    from diptych.data.bounded_work import work_within_bounds
    from diptych.data.picture_plug_ins import register_plug_ins

    Image.init()  # no file can be opened afterwards, nor a module imported
    register_plug_ins()
    work_within_bounds(decoded, seconds=SECONDS, memory=MEMORY)
