"""Joint: cosines in the space of one dual encoder, and refusals of anything else."""

from dataclasses import replace

import numpy as np
import pytest

from diptych.data.features import Encoded, Features
from diptych.errors import BadSetting, ShapeMismatch
from diptych.methods.embeddings import embed_pairs
from diptych.methods.joint import Config, Joint, Widths

CLIP = "open-clip:ViT-B-32/laion2b@0123456789abcdef"


def features(images: str = CLIP, texts: str = CLIP.replace("0", "f"), *, width: int = 4) -> Features:
    """Return five pairs whose modalities were made by these encoders."""
    draw = np.random.default_rng(0).standard_normal
    return Features(
        Encoded(draw((5, 4)).astype(np.float32), encoder=images),
        Encoded(draw((5, width)).astype(np.float32), encoder=texts),
        np.arange(5),
        None,
        tuple("abcde"),
    )


def test_similarity_is_the_cosine_of_the_vectors_as_they_are() -> None:
    pairs = features()
    placed = embed_pairs(Joint.fitted(Config(), pairs), pairs)["common"]
    images, texts = (
        side.whole / np.linalg.norm(side.whole, axis=1, keepdims=True) for side in (pairs.images, pairs.texts)
    )
    np.testing.assert_allclose(placed.similarity(), images @ texts.T, atol=1e-6)


@pytest.mark.parametrize(
    ("pairs", "images", "texts"),
    [
        (features("efficientnet-lite2@01", "minilm@02"), "efficientnet-lite2", "minilm"),
        (features("given@wikipedia", "given@wikipedia"), "given", "given"),
        (features("", ""), "an unnamed encoder", "an unnamed encoder"),
        (features("open-clip:a@b/c@01", "open-clip:a@d/c@01"), "open-clip:a@b/c", "open-clip:a@d/c"),
        (features(width=3), "open-clip:ViT-B-32/laion2b", "open-clip:ViT-B-32/laion2b"),
    ],
)
def test_features_of_two_spaces_are_refused_with_what_to_choose(pairs: Features, images: str, texts: str) -> None:
    sentence = f"the space of one dual encoder; got pictures of {images} and texts of {texts}. Choose one for both, "
    with pytest.raises(BadSetting, match=sentence + "such as --image-encoder transformers:openai/clip"):
        Joint.fitted(Config(), pairs)


def test_another_width_is_refused_when_placing() -> None:
    model = Joint.fitted(Config(), features())
    wide = replace(features(), texts=Encoded(np.zeros((5, 9), dtype=np.float32)))
    with pytest.raises(ShapeMismatch, match="whole vectors of texts must have 4 dimensions for this model; got 9"):
        embed_pairs(model, wide)


def test_a_benchmark_is_told_which_encoder_reads_both_modalities() -> None:
    assert Config("open-clip:RN50/openai").encoders == ("open-clip:RN50/openai",) * 2


def test_a_model_has_nothing_to_learn_and_no_scaling_to_set() -> None:
    model = Joint(Config(), Widths(4, 4, 0))
    assert not list(model.parameters())
    assert (model.inputs.configs["image"].power, model.inputs.configs["text"].centre) == (1.0, False)
