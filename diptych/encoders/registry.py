"""Opening an encoder by name."""

from collections.abc import Sequence

from diptych.encoders import ROOM
from diptych.encoders.contract import Encoder
from diptych.encoders.given import Given
from diptych.errors import UnknownName
from diptych.modality import Modality
from diptych.rooms import split_name
from diptych.settings import override


def open_encoder(name: str, settings: Sequence[str] = (), *, modality: Modality = "image") -> Encoder | Given:
    """Return the encoder called `name` (`efficientnet-lite2`, `word2vec:PATH`), its settings changed as in `side=380`.

    What the name points at must be there; the network itself is read at its first use. `modality` chooses the side
    of a dual encoder (a file that offers `open_text_encoder` with its `TextConfig`); others have one side only.

    >>> open_encoder("given").name
    'given'
    """
    module = ROOM.open(name)
    head, argument = split_name(name)
    full_name = head.lower().replace("_", "-") + (f":{argument}" if argument else "")
    if modality == "text" and hasattr(module, "open_text_encoder"):
        config, opened_by_name = module.TextConfig, module.open_text_encoder
    else:
        config, opened_by_name = module.Config, module.open_encoder
    encoder: Encoder | Given = opened_by_name(full_name, override(config(), settings))
    return encoder


def open_encoders(
    image_encoder: str, text_encoder: str, settings: Sequence[str] = ()
) -> tuple[Encoder | Given, Encoder | Given]:
    """Return the encoder of pictures and that of texts, with settings such as `image_encoder.side=380`."""
    groups: dict[str, list[str]] = {"image_encoder": [], "text_encoder": []}
    for setting in settings:
        group, _, rest = setting.partition(".")
        if group not in groups:
            raise UnknownName.among("settings", group, groups)
        groups[group].append(rest)
    return (
        open_encoder(image_encoder, groups["image_encoder"], modality="image"),
        open_encoder(text_encoder, groups["text_encoder"], modality="text"),
    )
