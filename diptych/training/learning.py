"""One run, from encoded training pairs to a finished folder."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch

from diptych.data.features import Features
from diptych.drawing.curves import training_curves
from diptych.methods.contract import GradientMethod, Method, SettlingMethod
from diptych.methods.module import MethodModule, SideInformation
from diptych.methods.module import fit as fit_method
from diptych.progress import Progress
from diptych.training.checkpoints import save_tensors
from diptych.training.loop import fit
from diptych.training.processes import ALONE, Processes
from diptych.training.run_folder import RunFolder
from diptych.training.tensorboard import Watch


def learn(
    module: MethodModule,
    chosen: Any,
    train: Features,
    *,
    classes: Sequence[str],
    seed: int,
    folder: RunFolder,
    validate: Callable[[Method], float],
    choose: Callable[[Method], Mapping[str, Any]],
    side_information: SideInformation | None = None,
    watch: Watch | None = None,
    progress: Progress | None = None,
    processes: Processes = ALONE,
) -> Method:
    """Return a method's model trained with the config `chosen`; the folder holds the finished run.

    `validate` judges the model after an epoch, `choose` picks the weights of the fusion rules at the end: neither
    may look at more than validation data. `watch` is told each epoch's metrics. A method in closed form has no epochs.
    Of several processes the first one does whatever is not a step of training.
    """
    with torch.random.fork_rng(range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        # one process reads all training items to scale the inputs, and all begin with what it has made of them
        model: Any = processes.first(lambda: fit_method(module, chosen, train, side_information))

    def judge() -> float:
        if isinstance(model, SettlingMethod):
            model.settle(train)
        return validate(model)

    epoch = 0
    if isinstance(model, GradientMethod):
        recipe = chosen.training
        standing = fit(
            model,  # type: ignore[arg-type]  # every model is a module
            train,
            recipe=recipe,
            seed=seed,
            folder=folder,
            validate=judge,
            watch=watch,
            progress=progress,
            processes=processes,
        )
        epoch = standing.best_epoch if recipe.keep == "best" else standing.epoch
    else:
        save_tensors(folder.model_file, model.state_dict(), {"epoch": epoch})

    def end() -> None:
        if folder.metrics():
            training_curves(folder.metrics(), folder.curve_file)
        result = {
            "widths": asdict(model.widths),
            "spaces": model.spaces,
            "classes": classes,
            "epoch": epoch,
            "fusion": {"rule": chosen.fusion, "chosen_on": "val", "rules": choose(model)},
        }
        folder.end(result)

    processes.first(end)
    trained: Method = model
    return trained
