"""Tars made of names and contents."""

import io
import tarfile
from pathlib import Path


def tar(path: Path, **files: bytes) -> Path:
    """Write a tar; `a__txt` is the file `a.txt`."""
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("__", "."))
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path
