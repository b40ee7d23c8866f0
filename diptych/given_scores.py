"""Evaluate similarities that something else computed."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from diptych.entrance import checks_arguments
from diptych.errors import BadFeature, BadSetting, ShapeMismatch
from diptych.evaluation import Evaluation, scored
from diptych.measures.chance import chance_map
from diptych.measures.judgements import Judgements


@checks_arguments
def evaluate_scores(
    similarity: Any,
    *,
    partners: Sequence[int] | None = None,
    image_categories: Sequence[Any] | None = None,
    text_categories: Sequence[Any] | None = None,
) -> Evaluation:
    """Evaluate similarities that something else computed, of n pictures (rows) to m texts (columns), both directions.

    `partners` gives for each text the row of its own picture; by default the k-th text belongs to the k-th picture.
    Items that share a category are relevant to one another, partners always: each category is a name or a list of
    names, those of texts are by default those of their pictures. `ShapeMismatch` where counts differ, `BadFeature`
    for similarities that are not finite.
    """
    scores = np.asarray(similarity)
    if scores.ndim != 2 or scores.dtype.kind not in "fiu" or not scores.size:
        raise ShapeMismatch(
            f"similarities must be numbers of shape (pictures, texts), at least 1 by 1; got {scores.dtype} of shape "
            f"{scores.shape}."
        )
    if not np.isfinite(scores).all():
        raise BadFeature("similarities must be finite; some are not a number or infinite. Compute them again.")
    pictures, texts = scores.shape
    if partners is None and pictures != texts:
        raise ShapeMismatch(
            f"{texts:,} texts need `partners`, the row of the picture of each; got {pictures:,} pictures."
        )
    owner = np.arange(texts) if partners is None else np.asarray(partners, dtype=np.int64)
    if len(owner) != texts or owner.min() < 0 or owner.max() >= pictures:
        raise ShapeMismatch(
            f"`partners` must give a row from 0 to {pictures - 1} for each of {texts:,} texts; got {len(owner):,} rows "
            f"from {owner.min(initial=0)} to {owner.max(initial=0)}."
        )
    labels = _label_tables(image_categories, text_categories, owner, pictures)
    judgements = Judgements(np.arange(pictures), owner, *labels)
    directions = scored((lambda a, b: scores[a:b], lambda a, b: scores.T[a:b]), judgements)
    chance = (chance_map(judgements) + chance_map(judgements.reversed())) / 2
    relevant = "partner" if image_categories is None else "category"
    return Evaluation(
        {"fused": directions}, {"items": {"images": pictures, "texts": texts}, "relevant": relevant}, chance
    )


def _label_tables(
    images: Sequence[Any] | None, texts: Sequence[Any] | None, owner: Int[np.ndarray, " m"], pictures: int
) -> tuple[Bool[np.ndarray, "n c"], Bool[np.ndarray, "m c"]] | tuple[None, None]:
    """Return which category each picture and each text has; two times None without categories."""
    if images is None:
        if texts is not None:
            raise BadSetting("categories of texts alone say nothing. Give image_categories too.")
        return None, None
    if len(images) != pictures or (texts is not None and len(texts) != len(owner)):
        raise ShapeMismatch(
            f"{pictures:,} pictures and {len(owner):,} texts need as many categories; got {len(images):,} and "
            f"{'none' if texts is None else format(len(texts), ',')}."
        )
    named = [[_names(each) for each in side or ()] for side in (images, texts)]
    classes = sorted(set().union(*named[0], *named[1]), key=str)
    tables = [np.array([[name in own for name in classes] for own in side], dtype=bool) for side in named]
    return tables[0], tables[0][owner] if texts is None else tables[1]


def _names(category: Any) -> set[Any]:
    """Return the names in a category: those of a list, the name itself, or none for None."""
    if isinstance(category, str) or not isinstance(category, Iterable):
        return set() if category is None else {category}
    return set(category)
