"""CFA: partial least squares by singular value decomposition, under another name."""

import numpy as np
import pytest
from sklearn.cross_decomposition import PLSSVD

from diptych.errors import BadSetting
from diptych.methods.cfa import CFA, Config
from diptych.methods.embeddings import embed_pairs
from diptych.methods.inputs import InputConfig

from .features import IMAGE, TEXT, random_features


def test_directions_are_those_of_partial_least_squares_up_to_signs() -> None:
    features = random_features(60)
    model = CFA.fitted(Config(dimensions=3), features)
    x, y = model.inputs.scaled("image", features.images), model.inputs.scaled("text", features.texts)
    reference = PLSSVD(3, scale=False).fit(x, y)
    for ours, theirs in ((model.image_basis, reference.x_weights_), (model.text_basis, reference.y_weights_)):
        np.testing.assert_allclose(np.abs((ours.numpy() * theirs).sum(0)), 1, atol=1e-5)


def test_no_other_rotations_bring_pictures_nearer_to_their_texts() -> None:
    features = random_features(60)
    model = CFA.fitted(Config(), features)
    x, y = model.inputs.scaled("image", features.images), model.inputs.scaled("text", features.texts)

    def distance(image: np.ndarray, text: np.ndarray) -> float:
        return float(np.square(x @ image - y @ text).sum() + np.square(x).sum() - np.square(x @ image).sum())

    found = distance(model.image_basis.double().numpy(), model.text_basis.double().numpy())
    generator = np.random.default_rng(0)
    for _ in range(50):
        image, text = (np.linalg.qr(generator.standard_normal((width, TEXT)))[0] for width in (IMAGE, TEXT))
        assert found < distance(image, text)


def test_identical_views_are_placed_at_the_same_point() -> None:
    features = random_features(30)
    plain = InputConfig(centre=True)
    model = CFA.fitted(Config(image=plain, text=plain), twins := type(features)(
        features.images, features.images, features.owner, features.labels, features.ids
    ))  # fmt: skip
    placed = embed_pairs(model, twins)["common"]
    np.testing.assert_allclose(placed.images, placed.texts, atol=1e-4)


def test_dimensions_are_cut_to_what_either_modality_has() -> None:
    assert CFA.fitted(Config(dimensions=50), random_features(30)).image_basis.shape == (IMAGE, TEXT)


def test_no_dimensions_are_refused() -> None:
    with pytest.raises(BadSetting, match=r"dimensions must be 1 or more; got 0\."):
        Config(dimensions=0)
