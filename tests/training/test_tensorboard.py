import sys
from pathlib import Path

import pytest

from diptych.errors import MissingExtra
from diptych.training.run_folder import RunFolder
from diptych.training.tensorboard import event_writer

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the packages that tensorboard imports


def metrics(epoch: int, validation: float | None) -> dict[str, object]:
    losses = {"visual margin": 0.5 / epoch}
    return {"epoch": epoch, "losses": losses, "validation_map": validation, "learning_rate": 0.1, "seconds": 2.0}


def test_each_epoch_becomes_events_under_its_number(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write = event_writer(RunFolder(tmp_path))
    write(metrics(1, None))
    write(metrics(2, 0.25))
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert [(event.step, event.value) for event in events.Scalars("loss/visual margin")] == [(1, 0.5), (2, 0.25)]
    assert [(event.step, event.value) for event in events.Scalars("validation_map")] == [(2, 0.25)]


def test_without_the_extra_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtra, match=r"event files need the package tensorboard\. Install it: pip install"):
        event_writer(RunFolder(tmp_path))
