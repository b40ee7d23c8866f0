"""The size that a JPEG XL announces: its plug-in decodes a picture as it opens it, so that the size is read here first.

A codestream begins with two bytes, a bit that says whether both sides are multiples of 8 up to 256, the height, the
ratio of the sides, and the width where the ratio is none of seven usual ones. A file is that, or boxes that hold it.

Paper: ISO/IEC 18181-1, JPEG XL image coding system: core coding system, 2022.
"""

import io
from fractions import Fraction

_CODESTREAM = b"\xff\x0a"
_BOXES = b"\0\0\0\x0cJXL \r\n\x87\n"
_LONGEST = 16
"""Bytes that hold every size."""
_WIDTHS = (9, 13, 18, 30)
"""Bits that a side may take."""
_RATIOS = ("1", "6/5", "4/3", "3/2", "16/9", "5/4", "2")
"""Width by height."""


def jpeg_xl_size(stream: io.BufferedReader | io.BytesIO) -> tuple[int, int] | None:
    """Return the width and height of a JPEG XL; None for other files. The stream is left at its beginning.

    >>> jpeg_xl_size(io.BytesIO(bytes.fromhex("ff0a98f001001308")))
    (40, 20)
    """
    head = _codestream(stream)
    stream.seek(0)
    if not head.startswith(_CODESTREAM):
        return None
    bits = _Bits(head[len(_CODESTREAM) :])
    small = bits.take(1)
    height = _side(bits, small=bool(small))
    ratio = bits.take(3)
    width = int(height * Fraction(_RATIOS[ratio - 1])) if ratio else _side(bits, small=bool(small))
    return width, height


def _codestream(stream: io.BufferedReader | io.BytesIO) -> bytes:
    """Return the first bytes of the codestream, which may lie in a box, whole or in parts."""
    stream.seek(0)
    head = stream.read(_LONGEST)
    if not head.startswith(_BOXES):
        return head
    stream.seek(0)
    found = b""
    while len(found) < _LONGEST and len(box := stream.read(8)) == 8:
        size, kind, skipped = int.from_bytes(box[:4], "big"), box[4:], 8
        if size == 1:
            size, skipped = int.from_bytes(stream.read(8), "big"), 16
        begin = stream.tell()
        if kind in (b"jxlc", b"jxlp"):
            stream.seek(4 if kind == b"jxlp" else 0, io.SEEK_CUR)
            left = begin + size - skipped - stream.tell() if size else _LONGEST
            found += stream.read(min(max(left, 0), _LONGEST - len(found)))
        if size < skipped:
            break
        stream.seek(begin + size - skipped)
    return found


def _side(bits: "_Bits", *, small: bool) -> int:
    return 8 * (1 + bits.take(5)) if small else 1 + bits.take(_WIDTHS[bits.take(2)])


class _Bits:
    """Bits of a text of bytes, from the lowest of each."""

    def __init__(self, data: bytes) -> None:
        self._rest = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        taken = self._rest & ((1 << count) - 1)
        self._rest >>= count
        return taken
