"""What all image networks do alike where there is a GPU."""

import re

import numpy as np
import pytest
import torch
from torch import Tensor

from diptych.encoders.vision import TOGETHER, ImageNetwork
from diptych.errors import BadSetting


class Means(ImageNetwork):
    """A network that sees each picture's mean colour, and notes whether convolutions may be rounded meanwhile."""

    def __init__(self) -> None:
        ones = (1.0, 1.0, 1.0)
        super().__init__("means", fingerprint="0", side=4, mean=ones, std=ones, flip=False)
        self.rounded: list[bool] = []

    @property
    def declared_widths(self) -> tuple[None, int]:
        return None, 3

    def look(self, images: Tensor) -> tuple[None, Tensor]:
        self.rounded.append(torch.backends.cudnn.allow_tf32)
        return None, images.mean((2, 3))


class Silent(Means):
    """A network that does not state its widths."""

    declared_widths = None


def test_a_gpu_sees_more_pictures_at_once_than_a_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert Means().batch == ImageNetwork.batch
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert Means().batch == TOGETHER


@pytest.mark.parametrize("allowed", [True, False])
def test_convolutions_are_not_rounded_while_pictures_are_seen(allowed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", allowed)
    network = Means()
    network.encode([np.zeros((4, 4, 3), dtype=np.uint8)])
    assert network.rounded == [False]
    assert torch.backends.cudnn.allow_tf32 is allowed


def test_a_network_that_states_no_widths_has_them_once_it_saw_a_picture() -> None:
    network = Silent()
    sentence = "means does not declare its dimensions. Encode one item first, or choose another encoder."
    for width in ("parts_width", "whole_width"):
        with pytest.raises(BadSetting, match=re.escape(sentence)):
            getattr(network, width)
    network.encode([np.zeros((4, 4, 3), dtype=np.uint8)])
    assert (network.parts_width, network.whole_width) == (None, 3)
