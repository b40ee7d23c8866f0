"""The training loop: it handles batches, named losses and a validation metric, independently of the model.

Each epoch starts from a seed derived from the run's seed and the epoch's number, for the order of the data, dropout
and sampled negatives alike. No random state is saved, and on a CPU a run that is interrupted at any moment and resumed
is bit-identical to an uninterrupted one.

Several processes share each batch and take the same steps, so that all have the same weights. They use the same seeds:
up to rounding, a run does not depend on their number, and with the same number it is bit-identical.
"""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, cast

import torch
from torch import Tensor, nn

from diptych.allocation import freed_memory_kept
from diptych.data.features import Features
from diptych.encoders.tensor_files import save_tensors
from diptych.errors import BadSetting, Diverged
from diptych.maths.recurrence import trained_parameters
from diptych.maths.sharing import WHOLE, Share, share_rows
from diptych.methods.batches import Batch
from diptych.methods.contract import GradientMethod, Method, PreparingMethod, RatedMethod, RefittedMethod
from diptych.methods.recipe import Recipe
from diptych.relevance import VALIDATION
from diptych.training.checkpoints import optimiser_tensors
from diptych.training.processes import ALONE, Objective
from diptych.training.run import TrainingRun, Validator
from diptych.training.saving import adopt_weights, save_weights
from diptych.training.state import TrainingState, resumed

WARM_UP = 0.1
"""Share of the steps in which a one-cycle schedule warms up."""


def fit(
    model: nn.Module, features: Features, *, recipe: Recipe, run: TrainingRun, validation: Validator
) -> TrainingState:
    """Train `model` on `features`; the kept weights are both in the model and in the run folder.

    Resumes from the folder's checkpoint if there is one. The weights are written before the metrics, and the metrics
    before the checkpoint: after an interruption in between, the epoch is repeated with the same results.
    """
    if not len(features.texts):
        raise BadSetting("training needs at least one pair; the training split has none.")
    recipe = recipe.lengthened(len(features.texts))
    model.to(run.processes.device())
    optimiser = build_optimiser(model, recipe)
    state, metrics = resumed(model, optimiser, run.folder)
    share = run.processes.share(min(len(features.texts), recipe.batch))
    share_rows(model, share)
    objective = run.processes.objective(model, chunk=recipe.chunk)
    if isinstance(model, PreparingMethod) and state.goes_on(recipe):
        features = model.condensed(features, progress=run.progress)
    epochs = _Epochs(model, optimiser, features, recipe, run, validation, share, objective)
    with freed_memory_kept():
        while state.goes_on(recipe):
            epochs.take(state, metrics)
    if recipe.keep == "last" and run.processes.leads:
        save_weights(model, run.folder, epoch=state.epoch)
    share_rows(model, WHOLE)
    run.processes.wait()
    adopt_weights(model, run.folder)
    return state


def build_optimiser(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return the optimiser of a recipe over the trainable parameters, with a group for each factor on the rate."""
    rates = model.rates() if isinstance(model, RatedMethod) else {}
    by_factor: dict[float, list[nn.Parameter]] = {}
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            by_factor.setdefault(rates.get(name, 1.0), []).append(parameter)
    parameters = [{"params": own, "factor": factor} for factor, own in by_factor.items()]
    if recipe.optimiser == "rmsprop":
        return torch.optim.RMSprop(parameters, lr=recipe.learning_rate, alpha=0.99, eps=1e-8)
    return torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay)


def learning_rate(recipe: Recipe, step: int, steps: int) -> float:
    """Return the rate at a step counted from 0: linear warm-up over a tenth of the steps, then half a cosine to 0."""
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
    """Yield the rows in random order in batches; an incomplete last batch only if it is the only one."""
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

    `objective` is the model's own, or a wrapper that averages its gradients over processes.
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
class _Epochs:
    """The epochs of a run, which are trained one by one."""

    model: nn.Module
    optimiser: torch.optim.Optimizer
    features: Features
    recipe: Recipe
    run: TrainingRun
    validation: Validator
    share: Share
    objective: Objective

    @property
    def method(self) -> GradientMethod:
        """The model, as a method that learns by gradient."""
        return cast("GradientMethod", self.model)

    def batch(self, rows: Tensor, generator: torch.Generator) -> Batch:
        """Return the batch of some training texts, with parts and class-mates if the method needs them."""
        return Batch.of(
            self.features,
            rows.numpy(),
            device=next(self.model.parameters()).device,
            parts=self.method.reads_parts,
            share=self.share,
            mates=generator if self.method.mates_in else None,
        )

    @property
    def _metric(self) -> tuple[str, str]:
        """The key and the name of the validation metric."""
        return VALIDATION[self.validation.relevant]

    @property
    def steps(self) -> int:
        """Steps per epoch."""
        return self.recipe.steps(len(self.features.texts))

    def take(self, state: TrainingState, metrics: list[dict[str, Any]]) -> None:
        """Train the next epoch, validate if it is due, and update `state` and `metrics`."""
        start, epoch = perf_counter(), state.epoch + 1
        losses = self._train(epoch, _label(epoch, self.recipe, state, self._metric[1]))
        due = epoch % self.recipe.validate_every == 0 or epoch == self.recipe.epochs
        figure = self.run.processes.first(self._validate) if due else None
        better = state.advance(figure)
        if not self.run.processes.leads:
            return
        if better and self.recipe.keep == "best":
            save_weights(self.model, self.run.folder, epoch=epoch)
        line = {"epoch": epoch, "losses": losses, self._metric[0]: figure, "learning_rate": self._rate(epoch)}
        metrics.append(line | {"seconds": round(perf_counter() - start, 3)})
        self._record(metrics, state)

    def _train(self, epoch: int, label: str) -> dict[str, float]:
        """Train for one epoch and return its mean losses."""
        generator = torch.Generator().manual_seed(epoch_seed(self.run.seed, epoch))
        totals: dict[str, float] = {}
        done, total = (epoch - 1) * self.steps, self.recipe.epochs * self.steps
        self.model.train()
        with torch.random.fork_rng(range(torch.cuda.device_count())), self.run.processes.watched():
            torch.manual_seed(epoch_seed(self.run.seed, epoch))
            for rows in batches(len(self.features.texts), self.recipe.batch, generator):
                for group in self.optimiser.param_groups:
                    group["lr"] = group["factor"] * learning_rate(self.recipe, done, total)
                batch = self.batch(rows, generator)
                losses = step(self.model, self.optimiser, batch, generator, self.recipe, objective=self.objective)
                _check_finite({f"{name} loss": value for name, value in losses.items()}, epoch, self.recipe)
                totals = {name: totals.get(name, 0.0) + value / self.steps for name, value in losses.items()}
                done += 1
                self.run.report(done, total, label)
        weights = self.model.state_dict().items()
        _check_finite({f"weight {name}": float(value.sum()) for name, value in weights}, epoch, self.recipe)
        return totals

    def _rate(self, epoch: int) -> float:
        """Return the learning rate of an epoch's last step."""
        return learning_rate(self.recipe, epoch * self.steps - 1, self.recipe.epochs * self.steps)

    def _validate(self) -> float:
        """Return the validation metric, after refitting the model if it requires that."""
        if isinstance(self.model, RefittedMethod):
            self.model.refit(self.features)
        return _check_figure(self.validation.validate(cast("Method", self.model)), self._metric[1])

    def _record(self, metrics: list[dict[str, Any]], state: TrainingState) -> None:
        """Write the metrics of all epochs, pass the last to the callbacks, and write a checkpoint."""
        self.run.folder.write_metrics(metrics)
        for callback in self.run.callbacks:
            callback(metrics[-1])
        tensors = {f"model/{k}": v for k, v in self.model.state_dict().items()} | optimiser_tensors(self.optimiser)
        save_tensors(self.run.folder.checkpoint_file, tensors, asdict(state))


def _label(epoch: int, recipe: Recipe, state: TrainingState, metric: str) -> str:
    best = "" if state.best is None else f", best validation {metric} {state.best:.3f} (epoch {state.best_epoch})"
    return f"training: epoch {epoch}/{recipe.epochs}{best}"


def _check_finite(figures: dict[str, float], epoch: int, recipe: Recipe) -> None:
    for name, value in figures.items():
        if not math.isfinite(value):
            raise Diverged(
                f"the {name} became {value} in epoch {epoch}. Lower the learning rate "
                f"(--set training.learning_rate={recipe.learning_rate / 3:.1g}) or the largest norm of a gradient "
                "(--set training.clip=1)."
            )


def _check_figure(value: float, metric: str) -> float:
    if not math.isfinite(value):
        raise Diverged(
            f"the validation {metric} is {value}: no validation query has a right answer. "
            "Look at the validation split with `diptych data stats`."
        )
    return value
