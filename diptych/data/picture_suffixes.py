"""The suffixes of files that are pictures."""

from diptych.data.picture_plug_ins import PLUG_INS, missing_plug_in

SUFFIXES = frozenset([
    ".apng", ".avif", ".avifs", ".bmp", ".dib", ".gif", ".j2c", ".j2k", ".jfif", ".jp2", ".jpc", ".jpe", ".jpeg",
    ".jpf", ".jpg", ".jpx", ".mpo", ".pbm", ".pcx", ".pfm", ".pgm", ".png", ".pnm", ".ppm", ".psd", ".qoi", ".svg",
    ".tga", ".tif", ".tiff", ".webp", *(suffix for suffix in PLUG_INS if missing_plug_in(suffix) is None),
])  # fmt: skip
"""The suffixes that mark a file as a picture if nothing else does; those of `PLUG_INS` if their packages are there."""
