"""Write the metrics of each epoch as TensorBoard events during training."""

from collections.abc import Mapping
from typing import Any

from diptych.errors import MissingExtra
from diptych.relevance import VALIDATION
from diptych.training.run import MetricsCallback
from diptych.training.run_folder import RunFolder

_VALIDATION_KEYS = tuple(key for key, _ in VALIDATION.values())


def event_writer(folder: RunFolder) -> MetricsCallback:
    """Return a function that writes an epoch's metrics as events below RUN/tensorboard."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ModuleNotFoundError:
        raise MissingExtra.named("tensorboard", wanted_by="event files", package="tensorboard") from None

    def write(metrics: Mapping[str, Any]) -> None:
        epoch = metrics["epoch"]
        figures = {f"loss/{name}": value for name, value in metrics["losses"].items()}
        figures |= {name: metrics[name] for name in (*_VALIDATION_KEYS, "learning_rate", "seconds") if name in metrics}
        # an epoch that is repeated after an interruption replaces its earlier events
        with SummaryWriter(str(folder.path / "tensorboard"), purge_step=epoch) as writer:
            for name, value in figures.items():
                if value is not None:
                    writer.add_scalar(name, value, epoch)

    return write
