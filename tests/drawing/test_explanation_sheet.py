from pathlib import Path

import pytest
from PIL import Image

from diptych.drawing.explanation_sheet import MARGIN, explanation_sheet
from diptych.drawing.heat import colour, heated

from .explained import record

PICTURE = Image.new("RGB", (60, 40), "white")


def drawn(path: Path, *records: dict) -> Image.Image:
    explanation_sheet([(each, PICTURE) for each in records]).save(path)
    with Image.open(path) as image:
        return image.convert("RGB")


def count(image: Image.Image, wanted: tuple[int, int, int]) -> int:
    return sum(number for number, found in image.getcolors(1 << 24) or () if found == wanted)


def on_white(share: float) -> tuple[int, int, int]:
    """Return how a white picture shows a share of the strongest."""
    boxes = [(0.0, 0.0, 2.0, 4.0), (2.0, 0.0, 4.0, 4.0)]
    found = heated(Image.new("RGB", (4, 4), "white"), boxes, [share, 1.0]).getpixel((0, 0))
    return tuple(found)  # type: ignore[arg-type,return-value]


def test_heat_is_drawn_for_every_way_that_says_something_of_regions(tmp_path: Path) -> None:
    image = drawn(tmp_path / "why.png", record())
    # gradient, integrated and occlusion of the fused similarity and of two spaces: 9 panels of 264 x 176
    assert count(image, on_white(1.0)) >= 9 * 132 * 176
    assert count(image, on_white(-0.5)) >= 9 * 130 * 176


def test_words_are_shaded_by_their_share_of_the_strongest(tmp_path: Path) -> None:
    shade = tuple(int(colour(0.5)[k : k + 2], 16) for k in (1, 3, 5))
    assert count(drawn(tmp_path / "why.png", record()), shade) > 9 * 100


def test_explanations_stand_one_below_the_other(tmp_path: Path) -> None:
    one, two = drawn(tmp_path / "one.png", record()), drawn(tmp_path / "two.png", record(), record())
    assert one.width == two.width
    assert two.height - 2 * MARGIN > 1.8 * (one.height - 2 * MARGIN)


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "word " * 400},
        {"fused": None, "fusion": {"rule": "rrf", "weight": None, "reference": "rrf ranks."}},
        {
            "words": [],
            "spaces": [{"name": "common", "similarity": 0.5, "ways": {"attention": {"image": [], "words": []}}}],
        },
    ],
    ids=["a long text", "not fused", "nothing to say"],
)
def test_every_kind_of_explanation_is_drawn(changes: dict, tmp_path: Path) -> None:
    assert drawn(tmp_path / "why.png", record(**changes)).height > 300


def test_many_words_are_cut_and_the_panel_stays_small(tmp_path: Path) -> None:
    words = [{"text": "word", "start": 5 * k, "end": 5 * k + 4} for k in range(500)]
    moved = {"image": [0.5, 1.0], "words": [0.1] * 500}
    ways = dict.fromkeys(("attention", "gradient", "integrated", "occlusion"), moved)
    spaces = [{"name": name, "similarity": 0.5, "ways": ways} for name in ("visual", "textual")]
    assert drawn(tmp_path / "why.png", record(words=words, spaces=spaces, fused_ways=ways)).height < 1800


@pytest.mark.parametrize("size", [(4000, 2), (2, 4000)])
def test_a_picture_of_any_shape_is_explained(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    boxes = [
        {"left": 0.0, "top": 0.0, "right": width / 2, "bottom": height},
        {"left": width / 2, "top": 0.0, "right": width, "bottom": height},
    ]
    explained = record(image={"width": width, "height": height, "regions": boxes})
    explanation_sheet([(explained, Image.new("RGB", size, "white"))]).save(tmp_path / "why.png")
    with Image.open(tmp_path / "why.png") as image:
        assert count(image.convert("RGB"), on_white(1.0)) > 0


def test_explanations_are_saved_in_the_format_that_the_suffix_names(tmp_path: Path) -> None:
    explanation_sheet([(record(), PICTURE)]).save(tmp_path / "why.jpg")
    with Image.open(tmp_path / "why.jpg") as image:
        assert image.format == "JPEG"
