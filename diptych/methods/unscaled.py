"""Configs of methods that compare what the encoders give, without scaling it."""

from diptych.methods.inputs import InputConfig
from diptych.methods.module import MethodConfig


class Unscaled(MethodConfig):
    """A config without settings of scaling: whole vectors are read as they are."""

    @property
    def image(self) -> InputConfig:
        """Scaling of picture features: none."""
        return InputConfig()

    @property
    def text(self) -> InputConfig:
        """Scaling of text features: none."""
        return InputConfig()
