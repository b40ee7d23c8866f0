"""Opening an encoder by name."""

from collections.abc import Sequence

from diptych.encoders import ROOM
from diptych.encoders.contract import Encoder
from diptych.encoders.given import Given
from diptych.errors import UnknownName
from diptych.rooms import split_name
from diptych.settings import override


def open_encoder(name: str, settings: Sequence[str] = ()) -> Encoder | Given:
    """Return the encoder called `name` (`efficientnet-lite2`, `word2vec:PATH`), its settings changed as in `side=380`.

    What the name points at must be there; the network itself is read at its first use.

    >>> open_encoder("given").name
    'given'
    """
    module = ROOM.open(name)
    head, argument = split_name(name)
    full_name = head.lower().replace("_", "-") + (f":{argument}" if argument else "")
    encoder: Encoder | Given = module.open_encoder(full_name, override(module.Config(), settings))
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
    return open_encoder(image_encoder, groups["image_encoder"]), open_encoder(text_encoder, groups["text_encoder"])
