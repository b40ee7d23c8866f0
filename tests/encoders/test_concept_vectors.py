from pathlib import Path

import numpy as np
import pytest

from diptych.data.sources import open_data
from diptych.encoders.concept_vectors import NamesClasses, concepts_of
from diptych.encoders.encoding import encode_images
from diptych.encoders.registry import open_encoder
from diptych.errors import BadSetting

FITTING = {
    "aeroplane": {"airliner", "military aircraft", "airplane wing"},
    "bus": {"trolleybus", "school bus", "minibus", "tram", "railroad car", "fire truck"},
    "cat": {"tabby cat", "Egyptian Mau", "a cat having a striped coat", "Siamese cat", "Persian cat", "lynx"},
    "sofa": {"couch"},
    "train": {"railroad car", "electric locomotive", "steam locomotive", "freight car", "high-speed train", "tram"},
}
"""Classes that pictures of a category may well be given; each set covers few of a thousand."""


def test_concepts_are_the_classifier_with_its_names_and_their_vectors(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("tench 3 4 5\nschool 1 2 3\nbus 3 2 1\n")
    images, texts = open_encoder("efficientnet-lite0"), open_encoder(f"word2vec:{tmp_path / 'words.txt'}")
    assert isinstance(images, NamesClasses)
    concepts = concepts_of(images, texts)
    assert (len(concepts.names), concepts.vectors.shape) == (1000, (1000, 3))
    assert (concepts.weight.shape, concepts.bias.shape) == ((1280, 1000), (1000,))
    assert concepts.vectors[[0, 1, 779]].tolist() == [[3, 4, 5], [0, 0, 0], [2, 2, 2]]


@pytest.mark.parametrize("name", ["given", "minilm"])
def test_an_image_encoder_that_names_nothing_is_refused(name: str) -> None:
    sentence = f"ConSE needs an image network with named classes; {name} has none. Choose --image-encoder efficientnet"
    with pytest.raises(BadSetting, match=sentence):
        concepts_of(open_encoder(name), open_encoder("minilm"))


@pytest.mark.parametrize("name", ["given", "efficientnet-lite2"])
def test_what_does_not_encode_texts_is_refused(name: str) -> None:
    with pytest.raises(BadSetting, match=f"a text encoder for the class names; {name} is not one"):
        concepts_of(open_encoder("efficientnet-lite0"), open_encoder(name))


@pytest.mark.data
def test_classes_stand_in_the_order_of_the_classifier(data_root: Path) -> None:
    dataset, encoder = open_data("pascal-sentence", root=data_root), open_encoder("efficientnet-lite2", ["side=260"])
    assert isinstance(encoder, NamesClasses)
    weight, bias = encoder.classifier()
    labels = dataset.labels(range(len(dataset.pairs)))
    for category, fitting in FITTING.items():
        rows = np.flatnonzero(labels[:, dataset.classes.index(category)])[:8].tolist()
        seen = encode_images(dataset, rows, encoder).whole @ weight + bias
        named = [encoder.class_names()[k] for k in seen.argmax(1)]
        assert sum(name in fitting for name in named) >= len(rows) / 3, (category, named)
