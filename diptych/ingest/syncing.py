"""Finds items whose pictures were removed from their folders."""

import stat
from collections.abc import Sequence
from pathlib import Path

from diptych.data.addresses import is_url, picture_at
from diptych.data.paths import absolute
from diptych.errors import BadSetting
from diptych.index.contract import Table

AT_ONCE = 1000
"""How many items are looked at together."""


def synchronised_folders(sources: Sequence[str]) -> list[Path]:
    """Return the folders among sources; `BadSetting` if there are none, since no picture could be gone from them."""
    folders = [absolute(Path(source)) for source in sources if not is_url(source) and Path(source).is_dir()]
    if not folders:
        raise BadSetting(f"only folders can be synchronised; got {', '.join(sources)}. Name one, or leave out --sync.")
    return folders


def ids_of_gone(table: Table, folders: Sequence[Path]) -> list[str]:
    """Return the items whose pictures lay in these folders and are no files any more."""
    gone: list[str] = []
    last: str | None = None
    while len(items := table.read(after=last, limit=AT_ONCE)):
        last = items.ids[-1]
        for identity, image in zip(items.ids, items.images, strict=True):
            picture = picture_at(image) if image else None
            inside = isinstance(picture, Path) and any(picture.is_relative_to(folder) for folder in folders)
            if inside and _is_gone(Path(str(picture))):
                gone.append(identity)
    return gone


def _is_gone(picture: Path) -> bool:
    """Return whether there is no such file any more; what cannot be looked at may still be there."""
    try:
        return not stat.S_ISREG(picture.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
