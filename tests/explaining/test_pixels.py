"""Explanations of pixels: through a known network they find what counts, and through real ones they add up."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from diptych.data.features import Encoded, Features, Parts
from diptych.encoders.registry import open_encoder
from diptych.errors import BadSetting
from diptych.explaining.attribution import integrated
from diptych.explaining.audit import audited
from diptych.explaining.explain import encode_pair, explain_pair
from diptych.explaining.fusing import NOTHING_FUSED
from diptych.explaining.pixels import ROWS, Pixels
from diptych.explaining.traced_pair import TracedPair
from diptych.methods.batches import FeatureBatch
from diptych.methods.cca import CCA
from diptych.methods.cca import PRESETS as CCA_PRESETS
from diptych.methods.mcsm import MCSM, PRESETS
from diptych.settings import override

from .encoders import Letters, Quarters

SIDE = 30
"""Not a multiple of the rows of cells, which are 3 pixels wide."""
QUARTER = 5
"""Rows of cells that cover half of it."""


class Corner(Quarters):
    """A linear network: the regions are the mean scaled colours of a picture's quarters and a one, the whole is the
    first of them."""

    name = "corner"
    side = SIDE

    @property
    def pixels(self) -> "Corner":
        """The network itself."""
        return self

    def scaled(self, prepared: Sequence[Any]) -> Tensor:
        """Return pictures of four colours."""
        colours = torch.tensor(np.stack(prepared), dtype=torch.float32).reshape(-1, 2, 2, 3).permute(0, 3, 1, 2)
        return torch.nn.functional.interpolate(colours - 0.5, size=SIDE)

    def seen(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean of each quarter."""
        means = torch.nn.functional.adaptive_avg_pool2d(images, 2).flatten(2).transpose(1, 2)
        regions = torch.cat([means + 0.5, torch.ones(len(images), 4, 1)], dim=2)
        return regions, regions[:, 0]


def linear_method() -> CCA:
    random = np.random.default_rng(0)
    rows = random.standard_normal((2, 40, 4)).astype(np.float32)
    images = Encoded(rows[0], Parts.of([each[None] for each in rows[0]]))
    texts = Encoded(rows[0] + 0.3 * rows[1], Parts.of([each[None] for each in rows[1]]))
    return CCA.fitted(override(CCA_PRESETS["default"], []), Features(images, texts, np.arange(40), None, ("",) * 40))


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    colours = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [200, 200, 0]]], dtype=np.uint8)
    Image.fromarray(colours).resize((60, 40), Image.Resampling.NEAREST).save(tmp_path / "four.png")
    return tmp_path / "four.png"


def traced(picture: Path) -> TracedPair:
    readers = {"image": Corner(), "text": Letters()}
    image, text = encode_pair(readers, picture, ["a word or two"])
    pair = TracedPair.of(linear_method(), (image, readers["image"]), (text, readers["text"]))
    return pair.at_pixels(readers["image"], picture)


def test_cells_put_together_again_are_the_picture(picture: Path) -> None:
    side = traced(picture).sides["image"]
    assert isinstance(side, Pixels)
    assert side.values.shape == (ROWS * ROWS, 3 * 3 * 3)
    again = side.side(side.values[None])
    torch.testing.assert_close(again.whole, side.scaled.whole)
    torch.testing.assert_close(again.parts, side.scaled.parts)


def test_only_the_pixels_that_the_network_looks_at_have_scores(picture: Path) -> None:
    explanation = explain_pair(
        linear_method(),
        {"image": Corner(), "text": Letters()},
        picture,
        ["a word or two"],
        fusing=lambda _: NOTHING_FUSED,
        pixels=True,
    )
    (space,) = explanation.spaces
    for way in ("pixel-gradient", "pixel-integrated", "pixel-occlusion"):
        scores = space.ways[way].image.reshape(ROWS, ROWS)
        inside, outside = scores[:QUARTER, :QUARTER], scores.copy()
        outside[:QUARTER, :QUARTER] = 0
        assert np.abs(inside).min() > 0, way
        assert np.abs(outside).max() == 0, way
        assert not len(space.ways[way].words)
    first, last = explanation.cells[0], explanation.cells[-1]
    assert (first.left, first.top, last.right, last.bottom) == (0, 0, 60, 40)
    assert len(explanation.as_record()["image"]["cells"]) == ROWS * ROWS


def test_without_pixels_the_record_is_as_before(picture: Path) -> None:
    explanation = explain_pair(
        linear_method(), {"image": Corner(), "text": Letters()}, picture, ["a word"], fusing=lambda _: NOTHING_FUSED
    )
    assert list(explanation.spaces[0].ways) == ["attention", "gradient", "integrated", "occlusion"]
    assert set(explanation.as_record()["image"]) == {"width", "height", "regions"}


def test_attention_over_regions_is_spread_over_the_cells_below_them() -> None:
    side = Pixels(linear_method(), Corner(), FeatureBatch(torch.zeros(1, 4)), torch.zeros(0, 1), 1)
    spread = side.over_cells(np.array([1.0, 2.0, 3.0, 4.0], dtype=np.float32)).reshape(ROWS, ROWS)
    assert (spread[0, 0], spread[0, -1], spread[-1, 0], spread[-1, -1]) == (1, 2, 3, 4)
    assert np.unique(spread, return_counts=True)[1].tolist() == [ROWS * ROWS // 4] * 4


def test_an_audit_removes_pixels_of_pairs_that_are_traced_there(picture: Path) -> None:
    audit = audited(iter([traced(picture)]), header={})
    assert [(row.side, row.way) for row in audit.rows] == [
        ("pixels", way) for way in ("gradient", "integrated", "occlusion")
    ]
    assert all(np.isfinite([row.deletion, row.insertion]).all() for row in audit.rows)


def test_an_encoder_that_cannot_be_followed_says_so(picture: Path) -> None:
    with pytest.raises(BadSetting, match=r"quarters is not a network that explanations can follow to the pixels"):
        explain_pair(
            linear_method(),
            {"image": Quarters(), "text": Letters()},
            picture,
            ["a word"],
            fusing=lambda _: NOTHING_FUSED,
            pixels=True,
        )


@pytest.mark.parametrize("flip", ["false", "true"])
def test_shares_of_pixels_sum_to_what_the_picture_adds_to_a_grey_one(picture: Path, flip: str) -> None:
    see, read = open_encoder("efficientnet-lite0", ["side=64", f"flip={flip}"]), Letters()
    random = np.random.default_rng(1)
    regions = np.abs(random.standard_normal((6, 4, 1280))).astype(np.float32)
    words = random.standard_normal((6, 4, 4)).astype(np.float32)
    features = Features(
        Encoded(regions.mean(1), Parts.of(list(regions))),
        Encoded(words.mean(1), Parts.of(list(words))),
        np.arange(6),
        None,
        tuple("abcdef"),
    )
    torch.manual_seed(0)
    small = [f"{space}.{each}" for space in ("visual", "textual") for each in ("width=16", "hidden=8", "reduce=0")]
    method = MCSM.fitted(
        override(PRESETS["default"], [*small, "loss.classification=0", "image.power=1"]), features
    ).eval()
    readers = {"image": see, "text": read}
    image, text = encode_pair(readers, picture, ["a word or two"])
    plain = TracedPair.of(method, (image, see), (text, read))
    pair = plain.at_pixels(see, picture)
    side = pair.sides["image"]
    for space in method.spaces:
        # what the network sees without rounding is what it encodes
        assert pair.similarity(space) == pytest.approx(plain.similarity(space), abs=2e-3)
        score = pair.score(space, "image")
        with torch.no_grad():
            gap = float(score(side.values[None]) - score(torch.zeros_like(side.values)[None]))
        shares = integrated(score, side.values, steps=800, together=8)
        assert shares.sum() == pytest.approx(gap, abs=0.02 * abs(gap) + 2e-3)
        assert np.abs(shares).max() > 0
