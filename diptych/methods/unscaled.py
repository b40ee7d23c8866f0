"""Configs of methods that compare unscaled encoder outputs."""

from diptych.methods.inputs import InputConfig
from diptych.methods.module import MethodConfig


class Unscaled(MethodConfig):
    """A config without scaling settings."""

    @property
    def image(self) -> InputConfig:
        """Scaling of picture features: none."""
        return InputConfig()

    @property
    def text(self) -> InputConfig:
        """Scaling of text features: none."""
        return InputConfig()
