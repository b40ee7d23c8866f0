import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from diptych.encoders import tensor_files
from diptych.encoders.tensor_files import load_tensors, save_tensors
from diptych.errors import BadCheckpoint
from diptych.files import written_atomically
from diptych.training.checkpoints import adopt, adopt_optimiser, optimiser_tensors


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    save_tensors(path, {"weight": torch.arange(6.0).reshape(2, 3)}, {"epoch": 3, "best": 0.1})
    return path


def test_tensors_and_state_come_back_as_they_were(saved: Path) -> None:
    tensors, state = load_tensors(saved)
    assert torch.equal(tensors["weight"], torch.arange(6.0).reshape(2, 3))
    assert state == {"epoch": 3, "best": 0.1}


def test_no_file_but_the_one_that_is_tidied_up_after_a_kill_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    same: list[bool] = []

    @contextmanager
    def watched(path: Path) -> Iterator[Path]:
        with written_atomically(path) as temporary:
            number = temporary.stat().st_ino
            yield temporary
            same.append(temporary.stat().st_ino == number)

    monkeypatch.setattr(tensor_files, "written_atomically", watched)
    save_tensors(tmp_path / "model.safetensors", {"weight": torch.ones(3)}, {})
    assert same == [True]


def test_tensors_that_share_memory_or_are_views_are_saved_each_by_itself(tmp_path: Path) -> None:
    whole = torch.arange(6.0).reshape(2, 3)
    save_tensors(tmp_path / "a.safetensors", {"whole": whole, "turned": whole.T}, {})
    assert torch.equal(load_tensors(tmp_path / "a.safetensors")[0]["turned"], whole.T)


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.99])
def test_a_checkpoint_that_is_cut_is_named(share: float, saved: Path) -> None:
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(BadCheckpoint, match=r"model.safetensors cannot be read as weights .* it is truncated or has"):
        load_tensors(saved)


def test_a_file_of_another_kind_is_named(saved: Path) -> None:
    saved.write_text("not weights at all")
    with pytest.raises(BadCheckpoint, match=r"Train again, or copy the file again from its source"):
        load_tensors(saved)


def test_weights_without_a_state_are_of_another_kind(tmp_path: Path) -> None:
    save_file({"weight": torch.ones(1)}, tmp_path / "foreign.safetensors")
    with pytest.raises(BadCheckpoint, match=r"foreign.safetensors cannot be read as weights \('state'\)"):
        load_tensors(tmp_path / "foreign.safetensors")


def test_weights_that_were_never_saved_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(BadCheckpoint, match=r"does not exist: the run has not saved any weights yet. Train it first"):
        load_tensors(tmp_path / "model.safetensors")


def test_the_first_weight_that_does_not_fit_is_named(tmp_path: Path) -> None:
    model = nn.Linear(3, 2)
    given = {"weight": torch.zeros(2, 4), "bias": torch.zeros(2)}
    with pytest.raises(BadCheckpoint, match=r"a.st: weight 'weight' must be \(2, 3\); got \(2, 4\). These weights"):
        adopt(model, given, source=Path("a.st"))
    with pytest.raises(BadCheckpoint, match=r"weight 'weight' must be \(2, 3\); got nothing"):
        adopt(model, {"bias": torch.zeros(2)}, source=Path("a.st"))
    with pytest.raises(BadCheckpoint, match=r"weight 'more' must be absent; got \(1,\)"):
        adopt(model, {**model.state_dict(), "more": torch.zeros(1)}, source=Path("a.st"))


@pytest.mark.parametrize("kind", [torch.optim.AdamW, torch.optim.RMSprop])
def test_an_optimiser_goes_on_from_its_saved_moments(kind: type[torch.optim.Optimizer], tmp_path: Path) -> None:
    def stepped(weight: torch.Tensor, optimiser: torch.optim.Optimizer, times: int) -> None:
        for k in range(times):
            optimiser.zero_grad()
            (weight * (k + 1)).pow(2).sum().backward()  # type: ignore[no-untyped-call]
            optimiser.step()

    weight = torch.ones(3, requires_grad=True)
    optimiser = kind([weight], lr=0.1)  # type: ignore[call-arg]
    stepped(weight, optimiser, 3)
    save_tensors(tmp_path / "c.safetensors", {**optimiser_tensors(optimiser), "model/weight": weight}, {})
    tensors, _ = load_tensors(tmp_path / "c.safetensors")
    twin = tensors["model/weight"].requires_grad_()
    other = kind([twin], lr=0.1)  # type: ignore[call-arg]
    adopt_optimiser(other, tensors)
    stepped(weight, optimiser, 2)
    stepped(twin, other, 2)
    assert torch.equal(weight, twin)


def test_the_state_is_readable_by_anyone(saved: Path) -> None:
    header = saved.read_bytes()
    length = int.from_bytes(header[:8], "little")
    assert json.loads(json.loads(header[8 : 8 + length])["__metadata__"]["state"]) == {"epoch": 3, "best": 0.1}
