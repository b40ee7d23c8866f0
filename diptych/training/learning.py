"""Train a method, from encoded pairs to a finished run folder."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, cast

import torch

from diptych.data.features import Features
from diptych.drawing.curves import training_curves
from diptych.drawing.sheet import save_figure
from diptych.encoders.tensor_files import save_tensors
from diptych.errors import MissingExtra
from diptych.fusion.record import FusionRecord
from diptych.methods.contract import GradientMethod, Method, TraceableMethod
from diptych.methods.module import SideInformation, open_method
from diptych.methods.module import fit as fit_method
from diptych.training.loop import fit
from diptych.training.run import TrainingRun, Validator
from diptych.training.run_config import RunResult
from diptych.training.tuned_method import EncoderTuning, TunedMethod


@dataclass(frozen=True)
class Training:
    """A method under a config, with its training data."""

    method: str
    chosen: Any
    """The method's config."""
    train: Features
    classes: Sequence[str] = ()
    """The categories of `train`."""
    side_information: SideInformation | None = None
    tuning: EncoderTuning | None = None
    """The encoders that learn too; None if they stay frozen."""

    def learn(self, run: TrainingRun, validation: Validator) -> Method:
        """Train the model and return it; the folder then holds the finished run.

        A method in closed form has no epochs. With several processes, the first does everything except the training
        steps.
        """
        with torch.random.fork_rng(range(torch.cuda.device_count())):
            torch.manual_seed(run.seed)
            # one process fits the input scaling on all training items, and all processes start from its model
            model: Any = run.processes.first(self._fitted)
        epoch = 0
        if isinstance(model, GradientMethod):
            recipe = self.chosen.training
            state = fit(model, self._learnt, recipe=recipe, run=run, validation=validation)  # type: ignore[arg-type]  # every model is a module
            epoch = state.kept(recipe)
        else:
            save_tensors(run.folder.model_file, model.state_dict(), {"epoch": epoch})
        trained: Method = self._with_posteriors(model, run) if self.chosen.posteriors.share else model
        run.processes.first(self._end, trained, model.widths, epoch, run, validation)
        return self._of_features(trained)

    @staticmethod
    def _of_features(trained: Any) -> Method:
        """Return a method that embeds features: a tuned one without the blocks of encoders."""
        if isinstance(trained, TunedMethod):
            return trained.method
        if isinstance(getattr(trained, "method", None), TunedMethod):
            trained.method = trained.method.method
        method: Method = trained
        return method

    def validated(self, val: Features) -> Features:
        """Return what validation reads, for these validation features."""
        return self.tuning.val if self.tuning else val

    @property
    def _learnt(self) -> Features:
        """What the training steps read."""
        return self.tuning.train if self.tuning else self.train

    def _fitted(self) -> Method:
        """Return the method's model before its first epoch."""
        method = fit_method(open_method(self.method), self.chosen, self.train, self.side_information)
        if self.tuning is None:
            return method
        return TunedMethod(cast("GradientMethod", method), self.tuning, self.chosen.tune)

    def _with_posteriors(self, model: Method, run: TrainingRun) -> Method:
        """Return the trained model with posteriors beside its vectors; the first process solves and saves them."""
        from diptych.methods.posteriors import WithPosteriors

        method, train = (
            (model.method, model.features(self._learnt)) if isinstance(model, TunedMethod) else (model, self.train)
        )
        wrapped: WithPosteriors = run.processes.first(WithPosteriors.fitted, self.chosen.posteriors, method, train)
        wrapped.method = cast("TraceableMethod", model)
        if run.processes.leads and len(wrapped.classifiers):
            save_tensors(run.folder.posteriors_file, wrapped.classifiers.state_dict(), {})
        return wrapped

    def _end(self, model: Any, widths: Any, epoch: int, run: TrainingRun, validation: Validator) -> None:
        """Draw the training curves if there is Matplotlib, and write the result of the run."""
        if metrics := run.folder.metrics():
            with suppress(MissingExtra):
                save_figure(training_curves(metrics), run.folder.curve_file)
        fusion = FusionRecord(self.chosen.fusion, "val", validation.choose_fusion(model))
        run.folder.end(RunResult(asdict(widths), model.spaces, tuple(self.classes), epoch, fusion))
