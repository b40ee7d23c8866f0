"""Open encoders by name."""

from collections.abc import Sequence
from dataclasses import fields

from diptych.encoders import ROOM
from diptych.encoders.contract import Encoder
from diptych.encoders.given import Given
from diptych.encoders.passed import EncoderLike, checked_encoder
from diptych.errors import BadSetting, UnknownName
from diptych.modality import Modality
from diptych.rooms import split_name
from diptych.settings import override


def open_encoder(name: EncoderLike, settings: Sequence[str] = (), *, modality: Modality = "image") -> Encoder | Given:
    """Return the encoder called `name` (`efficientnet-lite2`, `word2vec:PATH`), its settings changed as in `side=380`.

    The file in the name must exist; the network is loaded on first use. `modality` selects the side of a dual encoder
    (a module with `open_text_encoder` and `TextConfig`); other encoders have one side only. An object is returned as it
    is, and takes no settings.

    >>> open_encoder("given").name
    'given'
    """
    passed = checked_encoder(name, modality)
    if not isinstance(passed, str):
        if settings:
            raise BadSetting(
                f"{passed.name} is an object, which has its own settings; got {modality}_encoder.{settings[0]}. Change "
                "the object."
            )
        return passed
    module = ROOM.open(passed)
    if modality == "text" and hasattr(module, "open_text_encoder"):
        config, opened_by_name = module.TextConfig, module.open_text_encoder
    else:
        config, opened_by_name = module.Config, module.open_encoder
    encoder: Encoder | Given = opened_by_name(plain_name(passed), override(config(), settings))
    return encoder


def plain_name(name: str) -> str:
    """Return the canonical name of an encoder.

    >>> plain_name("Sentence_Transformers:Some/Name")
    'sentence-transformers:Some/Name'
    """
    head, argument = split_name(name)
    return head.lower().replace("_", "-") + (f":{argument}" if argument else "")


def settings_of(settings: Sequence[str]) -> dict[str, list[str]]:
    """Return the settings of encoders by modality.

    >>> settings_of(["image_encoder.side=380"])
    {'image': ['side=380'], 'text': []}
    """
    groups: dict[str, list[str]] = {"image_encoder": [], "text_encoder": []}
    for setting in settings:
        group, _, rest = setting.partition(".")
        if group not in groups:
            raise UnknownName.among("settings", group, groups)
        groups[group].append(rest)
    return {group.removesuffix("_encoder"): own for group, own in groups.items()}


def settings_as_trained(encoder: EncoderLike, *, modality: Modality = "image") -> tuple[str, ...]:
    """Return the setting by which an encoder prepares pictures as its network was trained; none if it has no such one.

    >>> settings_as_trained("transformers:openai/clip-vit-base-patch32"), settings_as_trained("efficientnet-lite2")
    (('image_encoder.as_trained=true',), ())
    """
    known = fields(ROOM.open(encoder).Config) if isinstance(encoder, str) else ()
    return tuple(f"{modality}_encoder.as_trained=true" for each in known if each.name == "as_trained")


def open_encoders(
    image_encoder: EncoderLike, text_encoder: EncoderLike, settings: Sequence[str] = ()
) -> tuple[Encoder | Given, Encoder | Given]:
    """Return the image and the text encoder, with settings such as `image_encoder.side=380`."""
    own = settings_of(settings)
    return (
        open_encoder(image_encoder, own["image"], modality="image"),
        open_encoder(text_encoder, own["text"], modality="text"),
    )
