"""The training loop: it knows batches, losses by name and a validation figure, and no model.

Each epoch starts from a seed made of the run's seed and the epoch's number, for the order of the data, dropout
and every drawn negative alike. So no random state needs saving, and a run that is killed at any moment and
resumed ends with the same bits on a CPU as one that was not.

Several processes share each batch and take the same steps, so that all have the same weights. They draw from the same
seeds: rounding apart, a run is the same with any number of them, and with the same number to the bit.
"""

import hashlib
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, cast

import torch
from torch import Tensor, nn

from diptych.data.features import Features
from diptych.errors import BadSetting, Diverged
from diptych.maths.recurrence import trained_parameters
from diptych.maths.sharing import WHOLE, Share, share_rows
from diptych.methods.batches import Batch
from diptych.methods.contract import GradientMethod
from diptych.methods.recipe import Recipe
from diptych.progress import Progress
from diptych.training.checkpoints import adopt, adopt_optimiser, load_tensors, optimiser_tensors, save_tensors
from diptych.training.processes import ALONE, Objective, Processes
from diptych.training.run_folder import RunFolder
from diptych.training.tensorboard import Watch

WARM_UP = 0.1
"""Share of the steps in which a one-cycle schedule rises."""


@dataclass
class Standing:
    """Where a run stands after an epoch."""

    epoch: int = 0
    best: float | None = None
    best_epoch: int = 0

    def goes_on(self, recipe: Recipe) -> bool:
        """Return whether another epoch follows: there is one left, and patience is not at its end."""
        patience = recipe.patience * recipe.validate_every
        return self.epoch < recipe.epochs and not (patience and self.epoch - self.best_epoch >= patience)

    def advance(self, validation: float | None) -> bool:
        """Count an epoch and its validation figure, if it has one; return whether that is the best so far."""
        self.epoch += 1
        if validation is None or (self.best is not None and validation <= self.best):
            return False
        self.best, self.best_epoch = validation, self.epoch
        return True


def fit(
    model: nn.Module,
    features: Features,
    *,
    recipe: Recipe,
    seed: int,
    folder: RunFolder,
    validate: Callable[[], float],
    watch: Watch | None = None,
    progress: Progress | None = None,
    processes: Processes = ALONE,
) -> Standing:
    """Train `model` on `features` and leave the kept weights both in it and in `folder`.

    Continues from the folder's checkpoint where there is one. The weights are written before the metrics and these
    before the checkpoint: a kill in between repeats the epoch, which writes the same again. `watch` is told each
    epoch's metrics. Only the first of several processes validates, writes, and tells.
    """
    if not len(features.texts):
        raise BadSetting("training needs at least one pair; the training split has none.")
    model.to(processes.device())
    optimiser = build_optimiser(model, recipe)
    standing, metrics = _resume(model, optimiser, folder)
    share = processes.share(min(len(features.texts), recipe.batch))
    share_rows(model, share)
    told = progress if processes.leads else None
    course = _Course(model, optimiser, features, recipe, seed, told, processes, share, processes.objective(model))
    while standing.goes_on(recipe):
        start, epoch = perf_counter(), standing.epoch + 1
        losses = course.run(epoch, _label(epoch, recipe, standing))
        due = epoch % recipe.validate_every == 0 or epoch == recipe.epochs
        validation = processes.first(lambda: _check_figure(validate())) if due else None
        better = standing.advance(validation)
        if not processes.leads:
            continue
        if better and recipe.keep == "best":
            save_tensors(folder.model_file, model.state_dict(), {"epoch": epoch})
        line = {"epoch": epoch, "losses": losses, "validation_map": validation, "learning_rate": course.rate(epoch)}
        metrics.append(line | {"seconds": round(perf_counter() - start, 3)})
        folder.write_metrics(metrics)
        if watch:
            watch(metrics[-1])
        tensors = {f"model/{k}": v for k, v in model.state_dict().items()} | optimiser_tensors(optimiser)
        save_tensors(folder.checkpoint_file, tensors, asdict(standing))
    if recipe.keep == "last" and processes.leads:
        save_tensors(folder.model_file, model.state_dict(), {"epoch": standing.epoch})
    share_rows(model, WHOLE)
    processes.first(lambda: None)
    adopt(model, load_tensors(folder.model_file)[0], source=folder.model_file)
    return standing


def build_optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the optimiser of a recipe over the parameters that learn."""
    parameters = trained_parameters(model)
    if recipe.optimiser == "rmsprop":
        return torch.optim.RMSprop(parameters, lr=recipe.learning_rate, alpha=0.99, eps=1e-8)
    return torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Return the rate at a step counted from 0: a linear rise over a tenth of the steps, then half a cosine to 0."""
    if recipe.schedule == "constant":
        return recipe.learning_rate
    rise = max(1, round(WARM_UP * steps))
    if step < rise:
        return recipe.learning_rate * (step + 1) / rise
    return recipe.learning_rate * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise))) / 2


def epoch_seed(seed: int, epoch: int) -> int:
    """Return the seed of one epoch: 63 bits of a hash of the run's seed and the epoch's number."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{epoch}".encode()).digest()[:8], "little") >> 1


def batches(rows: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Yield a random order of the rows in batches; a last incomplete one only where it is the only one."""
    order = torch.randperm(rows, generator=generator)
    for start in range(0, max(rows - size, 0) + 1, size):
        yield order[start : start + size]


def step(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    batch: Batch,
    generator: torch.Generator,
    recipe: Recipe,
    *,
    objective: Objective | None = None,
) -> dict[str, float]:
    """Take one step and return the losses by name; with a GPU the forward pass runs in bfloat16.

    `objective` is the model's own, or what averages its gradients over processes.
    """
    device = batch.targets.pairs.device
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
        losses = (objective or ALONE.objective(model))(batch, generator)
        total = torch.stack(list(losses.values())).sum()
    optimiser.zero_grad(set_to_none=True)
    total.backward()  # type: ignore[no-untyped-call]
    if recipe.clip:
        nn.utils.clip_grad_norm_(trained_parameters(model), recipe.clip)
    optimiser.step()
    return {name: float(value.detach()) for name, value in losses.items()}


@dataclass(frozen=True)
class _Course:
    """What stays the same through all epochs of a run."""

    model: nn.Module
    optimiser: torch.optim.Optimizer
    features: Features
    recipe: Recipe
    seed: int
    progress: Progress | None
    processes: Processes
    share: Share
    objective: Objective

    @property
    def reads_parts(self) -> bool:
        """Whether batches hold regions and words."""
        return cast("GradientMethod", self.model).reads_parts

    @property
    def steps(self) -> int:
        """Steps in an epoch."""
        return max(1, len(self.features.texts) // self.recipe.batch)

    def rate(self, epoch: int) -> float:
        """Return the learning rate of an epoch's last step."""
        return learning_rate(self.recipe, epoch * self.steps - 1, self.recipe.epochs * self.steps)

    def run(self, epoch: int, label: str) -> dict[str, float]:
        """Train for one epoch and return its mean losses."""
        generator = torch.Generator().manual_seed(epoch_seed(self.seed, epoch))
        device = next(self.model.parameters()).device
        totals: dict[str, float] = {}
        done, total = (epoch - 1) * self.steps, self.recipe.epochs * self.steps
        self.model.train()
        with torch.random.fork_rng(range(torch.cuda.device_count())), self.processes.watched():
            torch.manual_seed(epoch_seed(self.seed, epoch))
            for rows in batches(len(self.features.texts), self.recipe.batch, generator):
                for group in self.optimiser.param_groups:
                    group["lr"] = learning_rate(self.recipe, done, total)
                batch = Batch.of(self.features, rows.numpy(), device=device, parts=self.reads_parts, share=self.share)
                losses = step(self.model, self.optimiser, batch, generator, self.recipe, objective=self.objective)
                _check_finite({f"{name} loss": value for name, value in losses.items()}, epoch, self.recipe)
                totals = {name: totals.get(name, 0.0) + value / self.steps for name, value in losses.items()}
                done += 1
                if self.progress:
                    self.progress(done, total, label)
        weights = self.model.state_dict().items()
        _check_finite({f"weight {name}": float(value.sum()) for name, value in weights}, epoch, self.recipe)
        return totals


def _resume(
    model: nn.Module, optimiser: torch.optim.Optimizer, folder: RunFolder
) -> tuple[Standing, list[dict[str, Any]]]:
    """Return where the folder's checkpoint stands, having loaded it; the very beginning where there is none."""
    if not folder.checkpoint_file.exists():
        return Standing(), []
    tensors, state = load_tensors(folder.checkpoint_file)
    weights = {key.removeprefix("model/"): tensor for key, tensor in tensors.items() if key.startswith("model/")}
    adopt(model, weights, source=folder.checkpoint_file)
    adopt_optimiser(optimiser, tensors)
    standing = Standing(**state)
    return standing, folder.metrics()[: standing.epoch]


def _label(epoch: int, recipe: Recipe, standing: Standing) -> str:
    best = "" if standing.best is None else f", best validation MAP {standing.best:.3f} (epoch {standing.best_epoch})"
    return f"training: epoch {epoch}/{recipe.epochs}{best}"


def _check_finite(figures: dict[str, float], epoch: int, recipe: Recipe) -> None:
    for name, value in figures.items():
        if not math.isfinite(value):
            raise Diverged(
                f"the {name} became {value} in epoch {epoch}. Lower the learning rate "
                f"(--set training.learning_rate={recipe.learning_rate / 3:.1g}) or the largest norm of a gradient "
                "(--set training.clip=1)."
            )


def _check_figure(value: float) -> float:
    if not math.isfinite(value):
        raise Diverged(
            f"the validation MAP is {value}: no validation query has a right answer. "
            "Look at the validation split with `diptych data stats`."
        )
    return value
