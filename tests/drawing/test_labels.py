from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from diptych.drawing.labels import GAP, RADIUS, LabelBox, place_labels

FRAME = LabelBox(0.0, 0.0, 700.0, 400.0)
HEIGHT = 16.0


def test_a_lone_label_stands_right_of_its_point() -> None:
    [box] = place_labels([(100.0, 200.0)], [40.0], height=HEIGHT, within=FRAME)
    assert box == LabelBox(100.0 + GAP, 192.0, 140.0 + GAP, 208.0)


def test_a_label_that_would_leave_the_frame_stands_left() -> None:
    [box] = place_labels([(690.0, 200.0)], [40.0], height=HEIGHT, within=FRAME)
    assert box.right == 690.0 - GAP


def test_no_label_covers_another_or_a_point() -> None:
    generator = np.random.default_rng(0)
    points = [(float(x), float(y)) for x, y in generator.normal((350, 200), (60, 12), (14, 2))]
    boxes = place_labels(points, [70.0] * 14, height=HEIGHT, within=FRAME)
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    for x, y in points:
        point = LabelBox(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS)
        assert not any(box.overlaps(point) for box in boxes)
    assert all(FRAME.holds(box) for box in boxes)


def test_where_nothing_is_free_a_label_stands_right_all_the_same() -> None:
    [box] = place_labels([(10.0, 10.0)], [900.0], height=HEIGHT, within=FRAME)
    assert box.left == 10.0 + GAP


@given(st.tuples(*[st.floats(-50, 50)] * 2), st.floats(1, 40), st.floats(1, 40))
def test_boxes_side_by_side_do_not_overlap(corner: tuple[float, float], width: float, height: float) -> None:
    left, top = corner
    box = LabelBox(left, top, left + width, top + height)
    assert box.overlaps(box)
    assert box.holds(box)
    assert not box.overlaps(LabelBox(box.right, top, box.right + width, box.bottom))
    assert not box.overlaps(LabelBox(left, box.bottom, box.right, box.bottom + height))


def test_the_nearest_place_in_a_box() -> None:
    box = LabelBox(10.0, 10.0, 20.0, 30.0)
    assert box.nearest(0.0, 20.0) == (10.0, 20.0)
    assert box.nearest(25.0, 50.0) == (20.0, 30.0)
    assert box.nearest(12.0, 12.0) == (12.0, 12.0)
