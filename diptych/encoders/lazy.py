"""A pair of encoders, each opened on first use: a text query opens no image encoder."""

from collections.abc import Callable, Mapping, Sequence
from threading import Lock

from diptych.encoders.contract import Encoder
from diptych.encoders.given import Given
from diptych.encoders.passed import EncoderLike, name_of
from diptych.encoders.registry import open_encoder, plain_name, settings_of
from diptych.modality import MODALITIES, Modality


class LazyEncoders:
    """The encoders of pictures and of texts, by modality.

    `admit` checks an encoder when it is opened, with its modality, and may refuse it; one that is an object is checked
    at once.
    """

    def __init__(
        self,
        encoders: tuple[EncoderLike, EncoderLike],
        settings: Sequence[str] = (),
        *,
        admit: Callable[[Modality, Encoder | Given], None] = lambda modality, encoder: None,
    ) -> None:
        self._encoders: Mapping[Modality, EncoderLike] = dict(zip(MODALITIES, encoders, strict=True))
        self.names: Mapping[Modality, str] = {m: plain_name(name_of(each)) for m, each in self._encoders.items()}
        self._settings = settings_of(settings)
        self._admit = admit
        self._opened: dict[Modality, Encoder | Given] = {}
        self._opening = Lock()
        for modality, encoder in self._encoders.items():
            if not isinstance(encoder, str):
                self[modality]

    def __getitem__(self, modality: Modality) -> Encoder | Given:
        with self._opening:
            if modality not in self._opened:
                encoder = open_encoder(self._encoders[modality], self._settings[modality], modality=modality)
                self._admit(modality, encoder)
                self._opened[modality] = encoder
            return self._opened[modality]

    def both(self) -> tuple[Encoder | Given, Encoder | Given]:
        """Return the encoder of pictures and that of texts, opened."""
        return self["image"], self["text"]
