"""The spans of tokens in a text, for the tokenizers of transformers."""

from typing import Any

from diptych.encoders.contract import Span


def token_spans(tokenizer: Any, text: str, *, longest: int | None) -> tuple[Span | None, ...] | None:
    """Return the span of each token of a text, truncated as for the network; None for special tokens.

    Returns None if the tokenizer does not track characters.
    """
    if not getattr(tokenizer, "is_fast", False):
        return None
    encoded = tokenizer(
        text, truncation=longest is not None, max_length=longest, return_offsets_mapping=True,
        return_special_tokens_mask=True,
    )  # fmt: skip
    places = zip(encoded["offset_mapping"], encoded["special_tokens_mask"], strict=True)
    return tuple(None if special else (start, stop) for (start, stop), special in places)
