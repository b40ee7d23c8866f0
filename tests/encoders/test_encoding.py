from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from diptych.data.pairs import DataSet, Pair
from diptych.encoders.encoding import encode_dataset
from diptych.encoders.given import Given
from diptych.errors import BadSetting, MissingData

from .counting import Letters, Quarters, save_pictures

TEXTS = [("a cat", "one small cat"), ("dog",), ("x y z", "yes", "no")]


@pytest.fixture
def dataset(tmp_path: Path) -> DataSet:
    paths = save_pictures(tmp_path / "pictures", 3)
    pairs = tuple(Pair(f"p{k}", paths[k], TEXTS[k], ("even" if k % 2 == 0 else "odd",)) for k in range(3))
    return DataSet("tiny", pairs, {"train": (0,), "val": (1,), "test": (2,)})


def test_joined_texts_are_one_sequence_and_the_mean_of_their_wholes(dataset: DataSet) -> None:
    features = encode_dataset(dataset, [2, 0], Quarters(), Letters())
    assert features.ids == ("p2", "p0")
    assert features.owner.tolist() == [0, 1]
    assert features.texts.parts is not None
    for k, texts in enumerate([TEXTS[2], TEXTS[0]]):
        words = [np.array([(len(w), ord(w[0])) for w in text.split()]) for text in texts]
        np.testing.assert_array_equal(features.texts.parts.sequence(k), np.concatenate(words))
        np.testing.assert_allclose(features.texts.whole[k], np.mean([each.sum(0) for each in words], 0), rtol=1e-6)


def test_separate_texts_name_their_owner(dataset: DataSet) -> None:
    features = encode_dataset(dataset, [2, 0], Quarters(), Letters(), join_texts=False)
    assert features.owner.tolist() == [0, 0, 0, 1, 1]
    assert len(features.texts) == 5
    np.testing.assert_array_equal(features.texts.whole[1], [3, ord("y")])


def test_pairs_of_one_text_each_are_the_same_joined_or_not(dataset: DataSet) -> None:
    joined = encode_dataset(dataset, [1], Quarters(), Letters())
    separate = encode_dataset(dataset, [1], Quarters(), Letters(), join_texts=False)
    np.testing.assert_array_equal(joined.texts.whole, separate.texts.whole)
    assert joined.owner.tolist() == separate.owner.tolist() == [0]


def test_labels_follow_the_rows(dataset: DataSet) -> None:
    features = encode_dataset(dataset, [1, 2], Quarters(), Letters())
    assert features.labels is not None
    assert features.labels.tolist() == [[False, True], [True, False]]


def test_a_data_set_without_categories_has_no_labels(dataset: DataSet) -> None:
    plain = replace(dataset, pairs=tuple(replace(pair, categories=()) for pair in dataset.pairs))
    assert encode_dataset(plain, [0, 1], Quarters(), Letters()).labels is None


def test_given_vectors_stand_in_for_both_encoders(dataset: DataSet) -> None:
    vectors = {"image": np.eye(3), "text": np.arange(6.0).reshape(3, 2)}
    features = encode_dataset(replace(dataset, vectors=vectors), [2, 0], Given(), Given())
    np.testing.assert_array_equal(features.images.whole, np.eye(3)[[2, 0]])
    np.testing.assert_array_equal(features.texts.whole, [[4, 5], [0, 1]])
    assert features.images.parts is None
    assert features.images.encoder == "given@tiny"


def test_given_vectors_need_no_picture(dataset: DataSet) -> None:
    blind = tuple(replace(pair, image=None) for pair in dataset.pairs)
    features = encode_dataset(replace(dataset, pairs=blind, vectors={"image": np.eye(3)}), [0, 1], Given(), Letters())
    assert features.texts.parts is not None


def test_a_data_set_without_given_vectors_says_what_it_has(dataset: DataSet) -> None:
    with pytest.raises(MissingData, match=r"tiny came with no precomputed image vectors \(it has: none\)\."):
        encode_dataset(dataset, [0], Given(), Letters())


def test_missing_pictures_are_counted_and_given_vectors_offered(dataset: DataSet) -> None:
    lost = (dataset.pairs[0], replace(dataset.pairs[1], image=None), replace(dataset.pairs[2], image=Path("gone.jpg")))
    blind = replace(dataset, pairs=lost, vectors={"image": np.eye(3)})
    with pytest.raises(MissingData, match=r"2 of 3 pictures .* 'p1' \(no file is named\)\..*--image-encoder given"):
        encode_dataset(blind, [0, 1, 2], Quarters(), Letters())


def test_missing_pictures_without_given_vectors_point_at_the_check(dataset: DataSet) -> None:
    lost = replace(dataset, pairs=(replace(dataset.pairs[0], image=Path("gone.jpg")),))
    with pytest.raises(MissingData, match=r"\(gone.jpg\)\. Put the pictures there; `diptych data check` lists"):
        encode_dataset(lost, [0], Quarters(), Letters())


def test_a_pair_without_a_text_is_named(dataset: DataSet) -> None:
    silent = replace(dataset, pairs=(replace(dataset.pairs[0], texts=()),))
    with pytest.raises(MissingData, match="pair 'p0' has no text; every pair needs one"):
        encode_dataset(silent, [0], Quarters(), Letters())


def test_encoders_of_the_wrong_modality_are_refused(dataset: DataSet) -> None:
    with pytest.raises(BadSetting, match="--image-encoder must name an encoder of images; letters encodes texts"):
        encode_dataset(dataset, [0], Letters(), Letters())
    with pytest.raises(BadSetting, match="--text-encoder must name an encoder of texts; quarters encodes images"):
        encode_dataset(dataset, [0], Quarters(), Quarters())
