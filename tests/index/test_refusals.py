from dataclasses import replace

import numpy as np
import pytest

from diptych.errors import BadFeature, BadSetting, ShapeMismatch
from diptych.index.contract import Layout, Store
from diptych.index.items import Items, ItemVectors
from diptych.index.refusals import check_items, check_width, in_precision, new_columns
from diptych.modality import Modality

LAYOUT = Layout({"image": 3, "text": 2})
ONE = Items(("a",), ("",), (None,), ((),), ({},))


def vectors(*numbers: float, present: bool = True) -> ItemVectors:
    return ItemVectors(np.array([numbers], np.float32), np.array([present]))


def test_what_fits_is_let_in() -> None:
    check_items(replace(ONE, metadata=({"year": 1.0},), vectors={"text": vectors(1, 2)}), LAYOUT, {"year": "number"})
    check_items(replace(ONE, vectors={"image": vectors(0, present=False)}), Layout({"text": 2}), {})


@pytest.mark.parametrize(
    ("items", "error", "words"),
    [
        (replace(ONE, metadata=({"zone": "b", "colour": "red"},)), BadSetting, "no metadata column 'colour'. Add it"),
        (replace(ONE, vectors={"text": vectors(1, 2, 3)}), ShapeMismatch, "got text vectors of 3. That is another"),
    ],
)
def test_items_that_do_not_fit_are_refused(items: Items, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        check_items(items, LAYOUT, {})


@pytest.mark.parametrize(("side", "layout"), [("image", LAYOUT), ("text", Layout({"image": 2}))])
def test_a_width_must_be_that_of_the_side(side: Modality, layout: Layout) -> None:
    with pytest.raises(ShapeMismatch, match=rf"numbers \(image\).*; got {side} vectors of 2"):
        check_width(layout, side, 2)


def test_new_columns_are_told_from_those_there_are() -> None:
    assert new_columns({"year": "number"}, {"year": "number", "tags": "texts"}) == {"tags": "texts"}
    with pytest.raises(BadSetting, match=r"the column 'year' holds number; got text\. Give it another name"):
        new_columns({"year": "number"}, {"year": "text"})


@pytest.mark.parametrize(("half", "number"), [(False, np.nan), (False, np.inf), (True, 70_000.0)])
def test_vectors_must_be_finite_in_the_precision_of_the_table(*, half: bool, number: float) -> None:
    precision = "float16" if half else "float32"
    with pytest.raises(BadFeature, match=f"the image vectors of some items are not finite in the {precision} of this"):
        in_precision("image", vectors(1, number), half=half)
    assert in_precision("image", vectors(1, number, present=False), half=half).dtype == precision


def test_no_store_takes_vectors_of_a_side_that_its_table_lacks(store: Store) -> None:
    table = store.create_table("items", Layout({"image": 3}))
    with pytest.raises(ShapeMismatch):
        table.write(replace(ONE, vectors={"image": vectors(1, 2, 3), "text": vectors(1, 2)}))
    assert table.count() == 0
