"""What all image networks do alike where there is a GPU."""

import numpy as np
import pytest
import torch
from torch import Tensor

from diptych.encoders.vision import TOGETHER, ImageNetwork


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
