"""The audit of explanations: areas of known curves, and ways that are right beat random orders."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from diptych.data.features import Encoded, Features, Parts
from diptych.explaining.audit import LEVELS, RANDOM, Audit, Faithfulness, audited
from diptych.explaining.traced_pair import TracedPair
from diptych.methods.cca import CCA, PRESETS

from .encoders import Letters, Quarters

WIDTH, COUNT = 4, 12


def features(seed: int) -> Features:
    """Return pairs of five regions and seven words whose wholes are their means."""
    random = np.random.default_rng(seed)

    def encoded(parts: int) -> Encoded:
        rows = random.standard_normal((COUNT, parts, WIDTH)).astype(np.float32)
        return Encoded(rows.mean(1), Parts.of(list(rows)))

    return Features(encoded(5), encoded(7), np.arange(COUNT), None, tuple(map(str, range(COUNT))))


@pytest.fixture(scope="module")
def audit() -> Audit:
    model, found = CCA.fitted(PRESETS["default"], features(0)), features(1)
    pairs = (
        TracedPair.of(model, (found.images.take([k]), Quarters()), (found.texts.take([k]), Letters()))
        for k in range(COUNT)
    )
    return audited(pairs, header={"method": "cca"})


def row(audit: Audit, side: str, way: str) -> Faithfulness:
    return next(each for each in audit.rows if (each.side, each.way) == (side, way))


def test_a_method_without_attention_is_audited_for_what_moves_it(audit: Audit) -> None:
    assert [(each.space, each.side, each.way) for each in audit.rows] == [
        ("common", side, way) for side in ("image", "text") for way in ("gradient", "integrated", "occlusion")
    ]


@pytest.mark.parametrize("side", ["image", "text"])
def test_ways_that_follow_a_nearly_linear_score_beat_random_orders(side: str, audit: Audit) -> None:
    found = row(audit, side, "integrated")
    assert found.deletion > 3 * found.deletion_error > 0
    assert found.insertion > 3 * found.insertion_error > 0


def test_figures_are_the_areas_between_the_mean_curves(audit: Audit) -> None:
    for place, curves in audit.curves.items():
        for way in ("gradient", "integrated", "occlusion"):
            gap = np.trapezoid(curves[RANDOM]["deletion"] - curves[way]["deletion"], dx=1 / (LEVELS - 1))
            assert row(audit, place.side, way).deletion == pytest.approx(gap)


def test_curves_begin_and_end_with_the_whole_item_and_with_none(audit: Audit) -> None:
    for curves in audit.curves.values():
        ends = {(curve["deletion"][0], curve["insertion"][-1]) for curve in curves.values()}
        assert np.ptp(list(ends)) == pytest.approx(0, abs=1e-6)
        for curve in curves.values():
            assert curve["deletion"][-1] == pytest.approx(curve["insertion"][0], abs=1e-6)


def test_an_audit_is_json_and_drawn(audit: Audit, tmp_path: Path) -> None:
    told = audit.as_dict()
    assert told["method"] == "cca"
    assert told["rows"][0].keys() == {
        "space", "side", "way", "deletion", "deletion_error", "insertion", "insertion_error",
    }  # fmt: skip
    audit.save(tmp_path / "curves.png")
    with Image.open(tmp_path / "curves.png") as image:
        assert image.width == 4 * 320


def test_the_same_seed_draws_the_same_orders() -> None:
    model, found = CCA.fitted(PRESETS["default"], features(0)), features(1)

    def once() -> Audit:
        pair = TracedPair.of(model, (found.images.take([0]), Quarters()), (found.texts.take([0]), Letters()))
        return audited(iter([pair]), header={}, seed=3)

    one, two = once(), once()
    assert torch.equal(*(torch.tensor([each.deletion for each in audit.rows]) for audit in (one, two)))
    assert np.isnan(one.rows[0].deletion_error)
