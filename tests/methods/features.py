"""Small features with a known structure, for the tests of methods."""

from collections.abc import Sequence

import numpy as np

from diptych.data.features import Encoded, Features, Parts

REGION, WORD, IMAGE, TEXT = 6, 5, 7, 4
SMALL = [
    f"{space}.{setting}"
    for space in ("visual", "textual")
    for setting in ("width=16", "hidden=8", "dropout=0.0", "part_dropout=0.0", "input_dropout=0.0")
]
"""Settings that shrink any preset to the size of a test and take its dropout away."""


def random_features(
    count: int = 12, *, classes: int = 3, regions: bool = True, words: bool = True, texts: int = 1, seed: int = 0
) -> Features:
    """Return features whose parts and whole vectors lean towards their category; `texts` texts a picture."""
    generator = np.random.default_rng(seed)
    category = np.arange(count) % max(classes, 1)

    def encoded(kinds: np.ndarray, part_width: int, width: int, lengths: Sequence[int]) -> Encoded:
        directions = np.random.default_rng(99 + width).standard_normal((max(classes, 1), max(part_width, width)))
        whole = directions[kinds, :width] + generator.standard_normal((len(kinds), width))
        sequences = [
            (directions[kind, :part_width] + generator.standard_normal((lengths[k % len(lengths)], part_width)))
            for k, kind in enumerate(kinds)
        ]
        parts = Parts.of([sequence.astype(np.float32) for sequence in sequences]) if part_width else None
        return Encoded(whole.astype(np.float32), parts)

    owner = np.repeat(np.arange(count), texts)
    labels = category[:, None] == np.arange(classes) if classes else None
    images = encoded(category, REGION if regions else 0, IMAGE, [4])
    return Features(
        images,
        encoded(category[owner], WORD if words else 0, TEXT, [9, 1, 5]),
        owner,
        labels,
        tuple(f"p{k}" for k in range(count)),
    )
