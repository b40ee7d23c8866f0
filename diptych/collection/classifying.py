"""Zero-shot classification: the label whose text an item is most similar to.

Each label is searched for, and an item has the label with the largest fused similarity F. Similarities have another
scale with every model, so the score is a softmax of F in units of its spread:

score = exp((F_l - F_m) / σ) / Σ exp((F_k - F_m) / σ),  σ² = mean over items of the variance of F over the labels

with m any label. It says how far a label is ahead of the others; it is not calibrated.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float64, Int64
from typing_extensions import override

from diptych.collection.column_writing import ComputedColumns
from diptych.data.queries import checked_text
from diptych.drawing.curves import bars
from diptych.drawing.shown import Shown
from diptych.errors import BadSetting
from diptych.modality import Modality
from diptych.modality import other as other_modality
from diptych.progress import Progress, silent
from diptych.retrieval.answers import Snapshot

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLACE = "{}"
"""Where a label stands in a template."""
DECIMALS = 6
"""How precise a score is: as much as any machine computes alike."""


@dataclass(frozen=True)
class Classification(Shown):
    """The label of each item, with a score."""

    labels: tuple[str, ...]
    ids: tuple[str, ...]
    chosen: tuple[str, ...]
    """The label of each item."""
    scores: tuple[float, ...]
    """How far each item's label is ahead of the others, from 1 / number of labels to 1."""
    unlabelled: int
    """How many items lack the side that labels are compared with."""
    unknown: tuple[str, ...] = ()
    """Labels of which the text encoder knows no word."""
    written: int = 0
    """How many items were written."""

    @property
    def counts(self) -> dict[str, int]:
        """How many items have each label."""
        counted = Counter(self.chosen)
        return {label: counted[label] for label in self.labels}

    def as_dict(self) -> dict[str, Any]:
        """Return what the labels were given to as one JSON-able object."""
        own = {"labels": self.counts, "unlabelled": self.unlabelled, "written": self.written}
        return {**own, "unknown": list(self.unknown)}

    @override
    def records(self) -> list[dict[str, Any]]:
        rows = zip(self.ids, self.chosen, self.scores, strict=True)
        return [{"id": identity, "label": label, "score": score} for identity, label, score in rows]

    @override
    def plot(self) -> "Figure":
        shares = {label: count / max(1, len(self.ids)) for label, count in self.counts.items()}
        return bars(shares, {}, "Share of items")


def checked_labels(labels: Sequence[str], template: str) -> list[str]:
    """Return the texts of labels; `BadSetting` if they cannot be told apart."""
    if len(labels) < 2:
        raise BadSetting(f"classifying needs at least two labels; got {len(labels)}. Name them: --labels cat,dog.")
    if repeated := [label for label, count in Counter(labels).items() if count > 1]:
        raise BadSetting(f"labels must all be different; {repeated[0]!r} occurs several times.")
    if PLACE not in template:
        raise BadSetting(f"a template must say where the label stands, as in 'a photo of a {PLACE}'; got {template!r}.")
    return [checked_text(template.replace(PLACE, label)) for label in labels]


def classify_items(
    state: Snapshot, labels: Sequence[str], texts: Sequence[str], side: Modality, *, fusion: str | None,
    progress: Progress | None,
) -> Classification:  # fmt: skip
    """Return the best label of every item that has a side, which labels are compared with by their texts."""
    encoder, told = state.model.encoder("text"), progress or silent
    spaces = state.model.split(side, state.model.encode("text", list(texts)))
    unknown = tuple(label for label, text in zip(labels, texts, strict=True) if encoder.unknown_share([text]) == 1)
    scan = state.searcher.scan(state.table, side, tuple(space.shape[1] for space in spaces))
    fused = np.empty((len(labels), len(scan)), dtype=np.float64)
    rows = scan.fused(spaces, state.model.rule(fusion), modality=other_modality(side))
    for k, row in enumerate(rows if len(scan) else ()):
        fused[k] = row
        told(k + 1, len(labels), "comparing with labels")
    best, scores = _scored(fused)
    unlabelled = state.table.count() - len(scan)
    names = tuple(labels[k] for k in best.tolist())
    return Classification(tuple(labels), scan.ids, names, tuple(scores.tolist()), unlabelled, unknown)


def computed_columns(found: Classification, column: str) -> ComputedColumns:
    """Return the columns of labels and of scores."""
    score = f"{column}_score"
    values = {row["id"]: {column: row["label"], score: row["score"]} for row in found.records()}
    return ComputedColumns({column: "text", score: "number"}, values)


def _scored(fused: Float64[np.ndarray, "c n"]) -> tuple[Int64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """Return the best label of each item, the first of equal ones, with its score."""
    if not fused.size:
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    best, spread = fused.argmax(0), float(np.sqrt(fused.var(0).mean()))
    ahead = (fused - fused.max(0)) / spread if spread > 0 else np.zeros_like(fused)
    return best, np.round(1 / np.exp(ahead).sum(0), DECIMALS)
