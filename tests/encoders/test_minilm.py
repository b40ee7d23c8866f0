import subprocess
import sys

import numpy as np
import pytest
import torch

from diptych.encoders import minilm
from diptych.encoders.cache import encode_items
from diptych.encoders.minilm import MiniLM
from diptych.encoders.registry import open_encoder
from diptych.errors import BadCheckpoint, BadSetting

TEXTS = ["A cat sleeps on the unbelievably soft mat.", "Two dogs.", "قطة على السجادة", "猫在睡觉", "🐱", "", "  "]


@pytest.fixture(scope="module")
def encoder() -> MiniLM:
    opened = open_encoder("minilm")
    assert isinstance(opened, MiniLM)
    return opened


def encode(encoder: MiniLM, texts: list[str]) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(np.asarray(parts), whole) for parts, whole in encoder.encode([encoder.prepare(text) for text in texts])]


def test_parts_and_whole_are_those_of_one_unpadded_text_at_a_time(encoder: MiniLM) -> None:
    for text, (parts, whole) in zip(TEXTS, encode(encoder, TEXTS), strict=True):
        ids = encoder.tokenizer.encode(text).ids
        with torch.inference_mode():
            hidden = encoder.network(torch.tensor([ids]), torch.ones(1, len(ids), dtype=torch.bool))[0]
        mean = hidden.mean(0)
        np.testing.assert_allclose(whole, mean / mean.norm(), atol=1e-3)
        wanted = hidden[1:-1] if len(ids) > 2 else torch.zeros(1, 384)
        np.testing.assert_allclose(parts, wanted, atol=4e-3)


def test_the_whole_is_that_of_sentence_transformers(encoder: MiniLM) -> None:
    package = pytest.importorskip("sentence_transformers", reason="sentence-transformers is not installed")
    published = package.SentenceTransformer(str(encoder.folder), device="cpu").encode(TEXTS[:4])
    np.testing.assert_allclose([whole for _, whole in encode(encoder, TEXTS[:4])], published, atol=1e-3)


def test_spans_say_where_each_part_stands(encoder: MiniLM) -> None:
    text = "Unbelievable cats"
    spans = encoder.spans(text)
    assert [text[start:stop].lower() for start, stop in spans] == ["unbelievable", "cats"]
    for each, (parts, _) in zip(TEXTS, encode(encoder, TEXTS), strict=True):
        assert len(encoder.spans(each)) == len(parts) >= 1


def test_nothing_is_padded_and_long_texts_are_cut(encoder: MiniLM) -> None:
    assert len(encoder.prepare("cat").ids) == 3
    assert len(encoder.spans("cat " * 400)) == 254
    shorter = open_encoder("minilm", ["tokens=8"])
    assert isinstance(shorter, MiniLM)
    assert len(shorter.spans("cat " * 400)) == 6
    assert shorter.fingerprint != encoder.fingerprint


def test_unknown_pieces_are_counted(encoder: MiniLM) -> None:
    assert encoder.unknown_share(["two cats"]) == 0
    assert encoder.unknown_share(["\U000e0041\U000e0042 \U0001fae8", "cat"]) == 0.5
    assert encoder.unknown_share([""]) == 1


def test_cached_vectors_are_the_direct_ones(encoder: MiniLM) -> None:
    encoded = encode_items(encoder, TEXTS)
    assert encoded.parts is not None
    for k, (parts, whole) in enumerate(encode(encoder, TEXTS)):
        np.testing.assert_allclose(encoded.parts.sequence(k), parts, atol=2e-3)
        np.testing.assert_allclose(encoded.whole[k], whole, atol=1e-3)
    assert encoded.parts.width == encoder.parts_width == encoder.whole_width == 384


def test_weights_of_another_digest_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(minilm, "SHA256", "0" * 64)
    with pytest.raises(BadCheckpoint, match=r"weights of minilm must have the SHA-256 0{64}; got 53aa51.*d9db"):
        open_encoder("minilm")


@pytest.mark.parametrize("tokens", [2, 513])
def test_impossible_lengths_are_refused(tokens: int) -> None:
    with pytest.raises(BadSetting, match=f"tokens must be 3 to 512; got {tokens}"):
        open_encoder("minilm", [f"tokens={tokens}"])


def test_torch_and_the_tokenizer_are_all_that_it_needs() -> None:
    program = (
        "import sys\n"
        "absent = ('transformers', 'sentence_transformers', 'sklearn', 'pyarrow', 'scipy')\n"
        "sys.modules.update(dict.fromkeys(absent))\n"  # importing any of them fails from here on
        "from diptych.encoders.minilm import Config, open_encoder\n"
        "encoder = open_encoder('minilm', Config())\n"
        "print(encoder.encode([encoder.prepare('two cats')])[0].parts.shape)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[0] == "(2, 384)"
