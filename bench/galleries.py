"""Galleries to search: items and queries as vectors in two spaces, side by side."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from diptych.encoders.encoding import encode_dataset
from diptych.methods.embeddings import embed_pairs
from diptych.retriever import Retriever

Rows = Float32[np.ndarray, "n d"]
WIDTH, CENTRES, QUERIES = 256, 1000, 64
BLOCK = 8192
"""Items drawn at a time."""

Draw = Callable[[np.random.Generator, int], Rows]
"""Return so many random rows."""


class Gallery(NamedTuple):
    """Items and queries; the first space is so wide, the second has the rest."""

    name: str
    items: Rows
    queries: Rows
    width: int

    @property
    def widths(self) -> tuple[int, int]:
        """How wide both spaces are."""
        return self.width, self.items.shape[1] - self.width

    def split(self, rows: Rows) -> tuple[Rows, Rows]:
        """Return vectors space by space."""
        return np.ascontiguousarray(rows[:, : self.width]), np.ascontiguousarray(rows[:, self.width :])


def clustered(size: int) -> Gallery:
    """Return items around a thousand centres, and queries around the same."""
    return drawn("clustered", size, around_centres())


def around_centres() -> Draw:
    """Return what draws rows around a thousand centres, the same ones at each call."""
    centres = np.random.default_rng(1).standard_normal((CENTRES, 2 * WIDTH), dtype=np.float32)

    def draw(generator: np.random.Generator, rows: int) -> Rows:
        return unit(centres[generator.integers(CENTRES, size=rows)] + normal(generator, rows, 2 * WIDTH))

    return draw


def opposed(size: int) -> Gallery:
    """Return items that are near in one space where they are far in the other, so that all are nearly tied."""

    def draw(generator: np.random.Generator, rows: int) -> Rows:
        one = normal(generator, rows, WIDTH)
        return unit(np.hstack([one, 1e-3 * normal(generator, rows, WIDTH) - one]))

    gallery = drawn("opposed", size, draw)
    return gallery._replace(queries=np.hstack([gallery.queries[:, :WIDTH]] * 2))


def trained(run: Path) -> Gallery:
    """Return the pictures of the data set of a run as items, and texts spread over all of it as queries."""
    retriever = Retriever.load(run)
    dataset = retriever.open_data()
    features = encode_dataset(dataset, range(len(dataset.pairs)), *retriever.encoders.both())
    placed = embed_pairs(retriever.model, features)
    items, texts = (
        np.hstack([getattr(placed[space], side) for space in retriever.model.spaces]) for side in ("images", "texts")
    )
    width = placed[retriever.model.spaces[0]].images.shape[1]
    return Gallery(dataset.name, items, texts[:: max(1, len(texts) // QUERIES)][:QUERIES], width)


def drawn(name: str, size: int, draw: Draw) -> Gallery:
    """Return a gallery that is drawn in blocks, so that little more than its items is in memory."""
    generator, items = np.random.default_rng(0), np.empty((size, 2 * WIDTH), np.float32)
    for start in range(0, size, BLOCK):
        items[start : start + BLOCK] = draw(generator, len(items[start : start + BLOCK]))
    return Gallery(name, items, draw(generator, QUERIES), WIDTH)


def normal(generator: np.random.Generator, rows: int, width: int) -> Rows:
    """Return random rows."""
    return generator.standard_normal((rows, width), dtype=np.float32)


def unit(rows: Rows) -> Rows:
    """Return rows whose two halves have length one each."""
    halves = rows.reshape(len(rows), 2, -1)
    scaled: Rows = (halves / np.linalg.norm(halves, axis=2, keepdims=True)).reshape(len(rows), -1)
    return scaled
