"""Labels for points, placed so that none covers another label or a point."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

RADIUS = 4.0
"""Half the side of the square around a point that labels must not cover."""
GAP = 7.0
"""Distance from a point to its label without obstacles."""
REACHES = 12
"""How many distances are tried, in steps of half a label's height."""
SIDES = ((1, 0), (-1, 0), (0, -1), (0, 1), (1, -1), (1, 1), (-1, -1), (-1, 1))
"""Tried in this order: right, left, above, below, then the corners."""


@dataclass(frozen=True)
class LabelBox:
    """A rectangle in pixels from the top left."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "LabelBox") -> bool:
        """Return whether the two boxes intersect."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: "LabelBox") -> bool:
        """Return whether it contains the other box."""
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom

    def nearest(self, x: float, y: float) -> tuple[float, float]:
        """Return the point of the box that is nearest to a given point."""
        return min(max(x, self.left), self.right), min(max(y, self.top), self.bottom)


def place_labels(
    points: Sequence[tuple[float, float]], widths: Sequence[float], *, height: float, within: LabelBox
) -> list[LabelBox]:
    """Return a box for each point's label: the nearest free one inside the frame, with earlier points first.

    If no free box is within reach, the label is placed to the right of its point.
    """
    taken = [LabelBox(x - RADIUS, y - RADIUS, x + RADIUS, y + RADIUS) for x, y in points]
    labels: list[LabelBox] = []
    for (x, y), width in zip(points, widths, strict=True):
        boxes = list(_around(x, y, width, height))
        free = (box for box in boxes if within.holds(box) and not any(box.overlaps(other) for other in taken))
        labels.append(next(free, boxes[0]))
        taken.append(labels[-1])
    return labels


def _around(x: float, y: float, width: float, height: float) -> Iterator[LabelBox]:
    """Yield the boxes around a point, nearest first."""
    for step in range(REACHES):
        reach = GAP + step * height / 2
        for across, down in SIDES:
            left = x - width / 2 + across * (width / 2 + reach)
            top = y - height / 2 + down * (height / 2 + reach)
            yield LabelBox(left, top, left + width, top + height)
