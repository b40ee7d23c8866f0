"""Autoencoders against their definitions, number by number."""

import pytest
import torch
from torch import Tensor

from diptych.methods.autoencoders import Autoencoder, PairedAutoencoders, Variant, code_distance
from diptych.methods.towers import TowerConfig

from .pairs import related_features, vectors_of

PLAIN = TowerConfig(hidden=(), dropout=0.0)
WIDTHS = {"image": 12, "text": 9}
RECONSTRUCTED: dict[Variant, dict[str, tuple[str, ...]]] = {
    "plain": {"image": ("image",), "text": ("text",)},
    "cross": {"image": ("text",), "text": ("image",)},
    "full": {"image": ("image", "text"), "text": ("image", "text")},
}
"""What the code of each modality reconstructs, by variant."""


def mean_square(one: Tensor, other: Tensor) -> float:
    """Return the mean over pairs and numbers of the squared difference, in a loop."""
    rows = zip(one.tolist(), other.tolist(), strict=True)
    found = [(a - b) ** 2 for row, twin in rows for a, b in zip(row, twin, strict=True)]
    return sum(found) / len(found)


def pair(variant: Variant) -> PairedAutoencoders:
    torch.manual_seed(0)
    return PairedAutoencoders(WIDTHS, 5, variant=variant, layers=PLAIN).double()


def test_a_code_is_the_tanh_of_the_encoder_and_its_decoder_is_linear() -> None:
    torch.manual_seed(0)
    coder = Autoencoder(12, 5, {"image": 12}, PLAIN).double()
    values = vectors_of(related_features(6))
    encoder, decoder = (dict(part.named_parameters()) for part in (coder.encoder, coder.decoders["image"]))
    (weight, bias), (back, shift) = (list(layer.values()) for layer in (encoder, decoder))
    codes = torch.tanh(values["image"] @ weight.T + bias)
    torch.testing.assert_close(coder.encode(values["image"]), codes)
    expected = mean_square(codes @ back.T + shift, values["image"])
    assert coder.reconstruction(codes, values).item() == pytest.approx(expected)


def test_decoders_mirror_the_hidden_layers() -> None:
    coder = Autoencoder(12, 5, {"text": 9}, TowerConfig(hidden=(8, 6)))
    shapes = [tuple(p.shape) for p in coder.parameters() if p.ndim == 2]
    assert shapes == [(8, 12), (6, 8), (5, 6), (6, 5), (8, 6), (9, 8)]


@pytest.mark.parametrize("variant", RECONSTRUCTED)
def test_each_variant_reconstructs_what_it_says(variant: Variant) -> None:
    model, vectors = pair(variant), vectors_of(related_features(6))
    codes = model.codes(vectors)
    expected = 0.0
    for modality, targets in RECONSTRUCTED[variant].items():
        assert set(model.coder(modality).decoders) == set(targets)
        for target in targets:
            expected += mean_square(model.coder(modality).decoders[target](codes[modality]), vectors[target])
    assert model.reconstruction(codes, vectors).item() == pytest.approx(expected)


def test_the_distance_of_codes_is_a_mean_over_pairs_and_numbers() -> None:
    codes = pair("plain").codes(vectors_of(related_features(6)))
    assert code_distance(codes).item() == pytest.approx(mean_square(codes["image"], codes["text"]))
    assert code_distance({"image": codes["text"], "text": codes["text"]}).item() == 0.0
