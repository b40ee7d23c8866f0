from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from diptych.encoders.weights import fit_state, network_digest, read_state
from diptych.errors import BadCheckpoint


class Trap:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (pytest.fail, ("unpickled",))


def test_both_kinds_of_file_give_the_same_tensors(tmp_path: Path) -> None:
    state = nn.Linear(3, 2).state_dict()
    torch.save(state, tmp_path / "a.pth")
    save_file(state, tmp_path / "a.safetensors")
    for name in ("a.pth", "a.safetensors"):
        read = read_state(tmp_path / name)
        assert all(torch.equal(read[key], state[key]) for key in state)


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
def test_a_cut_file_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    state = {"weight": torch.zeros(100)}
    save_file(state, path) if name.endswith("s") else torch.save(state, path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(BadCheckpoint, match=rf"{name} cannot be read as weights \(\w+\)\. Copy it again"):
        read_state(path)


def test_nothing_but_tensors_is_unpickled(tmp_path: Path) -> None:
    torch.save({"weight": Trap()}, tmp_path / "trap.pth")
    with pytest.raises(BadCheckpoint, match=r"trap.pth cannot be read as weights \(UnpicklingError\)"):
        read_state(tmp_path / "trap.pth")


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(BadCheckpoint, match="must hold a state dict: names and tensors"):
        read_state(tmp_path / "list.pth")


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=r"x.pth is not a weight file for this network. .*bias"):
        fit_state(nn.Linear(3, 2), {"weight": torch.zeros(2, 3)}, tmp_path / "x.pth")


def test_a_network_is_known_by_its_numbers() -> None:
    torch.manual_seed(0)
    first, second = nn.Linear(3, 2), nn.Linear(3, 2)
    assert network_digest(first) != network_digest(second)
    second.load_state_dict(first.state_dict())
    assert network_digest(first) == network_digest(second)
