"""Encoders as callers pass them: a name, or an object of their own."""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from diptych.errors import BadSetting
from diptych.modality import Modality
from diptych.rooms import split_name

if TYPE_CHECKING:
    from diptych.encoders.contract import Encoder

    EncoderLike = str | Encoder
else:
    EncoderLike = str | Any
"""An encoder as callers pass it: a name, such as `efficientnet-lite2`, or an object of theirs."""

Passed = Mapping[Modality, EncoderLike]
"""The encoders that a caller passed, by modality."""
OWN = "own"
"""What a run calls an encoder that was passed as an object: `own:NAME`."""
PLAIN = re.compile(r"\w[\w.-]*")
"""What the name of an encoder is made of, which also names its folder in the cache."""


def name_of(encoder: EncoderLike) -> str:
    """Return the name under which a run records an encoder: that of an object is `own:NAME`.

    >>> name_of("minilm")
    'minilm'
    """
    if isinstance(encoder, str):
        return encoder
    return encoder.name if split_name(encoder.name)[0] == OWN else f"{OWN}:{encoder.name}"


def checked_encoder(encoder: Any, modality: Modality) -> EncoderLike:
    """Return an encoder as it was passed; `BadSetting` for what is none, or is one of the other modality."""
    if isinstance(encoder, str):
        return encoder
    from torch import nn

    from diptych.encoders.contract import Encoder

    if isinstance(encoder, nn.Module) and not isinstance(encoder, Encoder):
        raise BadSetting(
            f"{modality}_encoder must say how its input is prepared; got a bare {type(encoder).__name__}. Pass "
            f'diptych.module_encoder(network, prepare=..., modality="{modality}", name=...).'
        )
    if not isinstance(encoder, Encoder):
        raise BadSetting(
            f"{modality}_encoder must be the name of an encoder, or an object of a class that extends "
            f"diptych.encoders.contract.Encoder; got {type(encoder).__name__}."
        )
    if encoder.modality != modality:
        raise BadSetting(
            f"{modality}_encoder must be an encoder of {modality}s; {encoder.name} is one of {encoder.modality}s."
        )
    for what, value in (("name", split_name(encoder.name)[0]), ("fingerprint", encoder.fingerprint)):
        if not PLAIN.fullmatch(value):
            raise BadSetting(
                f"the {what} of an encoder must be letters, digits, '.', '_' and '-'; got {value!r}. It names a folder "
                "of the cache."
            )
    return encoder


def passed_encoders(image: Any, text: Any) -> Passed:
    """Return the encoders that were passed, without those that were not."""
    given: dict[Modality, Any] = {"image": image, "text": text}
    return {modality: checked_encoder(each, modality) for modality, each in given.items() if each is not None}
