"""Folds: each is what an evaluation of it alone says, and together they hold every query once."""

from dataclasses import fields

import numpy as np
import pytest

from diptych.data.features import Encoded, Features
from diptych.errors import BadSetting
from diptych.evaluation import evaluate, open_rule
from diptych.measures.folds import folds_of
from diptych.methods.embeddings import PairEmbeddings

PICTURES, FOLDS = 11, 3
SMALLEST = 3
"""Pictures of the smallest fold: as many of the first results are kept, if texts are no fewer."""


@pytest.fixture
def owner() -> np.ndarray:
    """Return the owners of texts that are in no order; the first pictures have most."""
    return np.random.default_rng(3).permutation(np.concatenate([np.arange(PICTURES), np.arange(6), np.arange(2)]))


def features_of(owner: np.ndarray, labels: np.ndarray | None, pictures: int) -> Features:
    wholes = (Encoded(np.zeros((count, 1), dtype=np.float32)) for count in (pictures, len(owner)))
    return Features(*wholes, owner, labels, tuple(map(str, range(pictures))))


def spaces_of(texts: int) -> dict[str, PairEmbeddings]:
    random = np.random.default_rng(0)
    return {
        name: PairEmbeddings(*(random.standard_normal((n, 4)).astype(np.float32) for n in (PICTURES, texts)))
        for name in ("visual", "textual")
    }


@pytest.mark.parametrize("labelled", [True, False])
@pytest.mark.parametrize("rule", ["product", "rrf", "zscore"])
def test_every_fold_is_scored_as_if_it_were_alone(labelled: bool, rule: str, owner: np.ndarray) -> None:
    labels = np.eye(4, dtype=bool)[np.arange(PICTURES) % 4] if labelled else None
    spaces, fusion = spaces_of(len(owner)), open_rule(rule)
    whole = evaluate(spaces, features_of(owner, labels, PICTURES), fusion, header={}, folds=FOLDS)
    chances = []
    for pictures in (range(4), range(4, 8), range(8, 11)):
        texts = [k for k, each in enumerate(owner) if each in pictures]
        own = np.array([list(pictures).index(owner[k]) for k in texts])
        few = {name: each.take(images=list(pictures), texts=texts) for name, each in spaces.items()}
        part_labels = None if labels is None else labels[list(pictures)]
        alone = evaluate(few, features_of(own, part_labels, len(pictures)), fusion, header={})
        chances.append(alone.chance)
        for space, directions in alone.scores.items():
            for direction, queries, gallery in (
                ("image_to_text", list(pictures), texts),
                ("text_to_image", texts, pictures),
            ):
                found, expected = whole.scores[space][direction], directions[direction]
                for field in fields(expected):
                    value = getattr(expected, field.name)
                    value = np.array(list(gallery))[value[:, :SMALLEST]] if field.name == "first" else value
                    np.testing.assert_array_equal(getattr(found, field.name)[queries], value)
    assert whole.chance == pytest.approx(np.mean(chances))
    assert len(whole.scores["fused"]["text_to_image"]) == len(owner)


def test_one_fold_is_the_whole_to_the_last_digit(owner: np.ndarray) -> None:
    spaces, features = (
        spaces_of(len(owner)),
        features_of(owner, np.eye(4, dtype=bool)[np.arange(PICTURES) % 4], PICTURES),
    )
    usual, one = (evaluate(spaces, features, open_rule("product"), header={}, **each) for each in ({}, {"folds": 1}))
    assert usual.as_dict() == one.as_dict()


@pytest.mark.parametrize("count", [0, PICTURES + 1])
def test_more_folds_than_pictures_are_refused(count: int, owner: np.ndarray) -> None:
    with pytest.raises(BadSetting, match=rf"folds must be from 1 to the number of pictures, 11; got {count}"):
        folds_of(owner, pictures=PICTURES, count=count)
