import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from diptych.encoders.tensor_files import load_tensors
from diptych.errors import BadSetting, Diverged
from diptych.methods.recipe import Recipe
from diptych.training.loop import batches, build_optimiser, epoch_seed, fit, learning_rate, step
from diptych.training.run import TrainingRun
from diptych.training.run_folder import RunFolder

from .learner import RECIPE, Learner, Scripted, even, learn, numbers


def literal_rates(rate: float, steps: int) -> list[float]:
    """Return every rate of a one-cycle schedule, step by step."""
    rise = max(1, round(steps / 10))
    up = [rate * (k + 1) / rise for k in range(rise)]
    fall = steps - rise
    return up + [rate / 2 * (1 + math.cos(math.pi * k / fall)) for k in range(fall)]


@pytest.mark.parametrize("steps", [2, 7, 10, 100])
def test_one_cycle_rises_over_a_tenth_of_the_steps_and_falls_along_a_cosine(steps: int) -> None:
    recipe = Recipe(learning_rate=0.5)
    assert [learning_rate(recipe, k, steps) for k in range(steps)] == pytest.approx(literal_rates(0.5, steps))


def test_a_constant_schedule_is_constant_and_a_single_step_has_the_full_rate() -> None:
    recipe = Recipe(learning_rate=0.5, schedule="constant")
    assert {learning_rate(recipe, k, 9) for k in range(9)} == {0.5}
    assert learning_rate(Recipe(learning_rate=0.5), 0, 1) == 0.5


def test_each_epoch_sees_every_row_once_in_an_order_of_its_own_and_drops_an_incomplete_batch(tmp_path: Path) -> None:
    _, model, _ = learn(tmp_path, [0.1, 0.2], rows=10, batch=4)
    assert [len(rows) for rows in model.seen] == [4, 4, 4, 4]
    first, second = ([x for rows in model.seen[k : k + 2] for x in rows] for k in (0, 2))
    assert len(set(first)) == len(set(second)) == 8
    assert first != second


def test_fewer_rows_than_a_batch_make_one_incomplete_batch() -> None:
    orders = list(batches(3, 100, torch.Generator().manual_seed(0)))
    assert [sorted(order.tolist()) for order in orders] == [[0, 1, 2]]


@pytest.mark.parametrize(("rows", "size", "expected"), [(10, 5, [5, 5]), (11, 5, [5, 5]), (5, 5, [5]), (1, 1, [1])])
def test_batches_are_whole(rows: int, size: int, expected: list[int]) -> None:
    assert [len(batch) for batch in batches(rows, size, torch.Generator())] == expected


def test_epoch_seeds_differ_by_run_and_by_epoch() -> None:
    seeds = {epoch_seed(seed, epoch) for seed in range(10) for epoch in range(10)}
    assert len(seeds) == 100
    assert all(0 <= seed < 2**63 for seed in seeds)


@pytest.mark.parametrize(
    ("figures", "changes", "epochs", "best_epoch"),
    [
        ([0.3, 0.2, 0.1, 0.9], {"patience": 2}, 3, 1),
        ([0.0, 0.0, 0.0, 0.9], {"patience": 2}, 3, 1),
        ([0.3, 0.2, 0.4, 0.3, 0.2], {"patience": 2}, 5, 3),
        ([0.3, 0.2, 0.1, 0.9], {"patience": 0}, 4, 4),
        ([0.3, 0.2, 0.1], {"patience": 1, "validate_every": 2, "epochs": 6}, 4, 2),
    ],
)
def test_training_stops_after_so_many_validations_without_a_better_one(
    figures: list[float], changes: dict[str, Any], epochs: int, best_epoch: int, tmp_path: Path
) -> None:
    state, _, folder = learn(tmp_path, figures, **changes)
    assert (state.epoch, state.best_epoch, state.best) == (epochs, best_epoch, max(figures[:epochs]))
    assert len(folder.metrics()) == epochs


def test_a_run_that_patience_ended_is_not_continued(tmp_path: Path) -> None:
    learn(tmp_path, [0.3, 0.2, 0.1], patience=2, epochs=9)
    state, _, _ = learn(tmp_path, [], patience=2, epochs=9)
    assert state.epoch == 3


def test_epochs_follow_until_there_are_enough_steps(tmp_path: Path) -> None:
    state, model, _ = learn(tmp_path, [0.1, 0.2, 0.3, 0.4], rows=10, batch=4, epochs=1, min_steps=7)
    assert state.epoch == 4
    assert len(model.seen) == 8


def test_equally_good_epochs_keep_the_earlier_weights(tmp_path: Path) -> None:
    assert learn(tmp_path, [0.3, 0.3])[0].best_epoch == 1


def test_the_best_weights_are_kept_or_the_last(tmp_path: Path) -> None:
    figures = [0.1, 0.9, 0.2]
    _, best, folder = learn(tmp_path / "best", figures)
    _, last, _ = learn(tmp_path / "last", figures, keep="last")
    _, second, _ = learn(tmp_path / "second", figures[:2], keep="last")
    assert best.line.weight.item() == second.line.weight.item() != last.line.weight.item()
    assert load_tensors(folder.model_file)[1] == {"epoch": 2}
    assert load_tensors(tmp_path / "last" / "model.safetensors")[0]["line.weight"].item() == last.line.weight.item()


def test_the_last_epoch_is_validated_even_where_none_is_due(tmp_path: Path) -> None:
    _, _, folder = learn(tmp_path, [0.2, 0.4], validate_every=2, epochs=3)
    assert [line["validation_map"] for line in folder.metrics()] == [None, 0.2, 0.4]


def test_the_metrics_of_an_epoch_have_the_mean_losses_and_the_rate(tmp_path: Path) -> None:
    _, _, folder = learn(tmp_path, [0.1, 0.2], rows=8, schedule="one-cycle")
    lines = folder.metrics()
    assert [line["epoch"] for line in lines] == [1, 2]
    assert lines[0].keys() == {"epoch", "losses", "validation_map", "learning_rate", "seconds"}
    assert lines[0]["losses"].keys() == {"error", "noise"}
    assert [line["learning_rate"] for line in lines] == pytest.approx([literal_rates(0.1, 4)[k] for k in (1, 3)])


def test_a_line_is_learnt(tmp_path: Path) -> None:
    _, model, _ = learn(tmp_path, [k / 60 for k in range(60)], rows=40, weight_decay=0.0)
    assert model.line.weight.item() == pytest.approx(2, abs=0.05)
    assert model.line.bias.item() == pytest.approx(-1, abs=0.05)


@pytest.mark.parametrize("optimiser", ["adamw", "rmsprop"])
def test_a_training_of_two_halves_is_the_whole(optimiser: str, tmp_path: Path) -> None:
    figures = [0.1, 0.3, 0.2, 0.4]
    _, whole, _ = learn(tmp_path / "whole", figures, optimiser=optimiser, schedule="one-cycle", clip=0.5)
    with pytest.raises(StopIteration):
        learn(tmp_path / "parts", figures[:2], optimiser=optimiser, schedule="one-cycle", clip=0.5, epochs=4)
    state, parts, folder = learn(
        tmp_path / "parts", figures[2:], optimiser=optimiser, schedule="one-cycle", clip=0.5, epochs=4
    )
    assert state.epoch == 4
    assert torch.equal(whole.line.weight, parts.line.weight)
    assert [line["epoch"] for line in folder.metrics()] == [1, 2, 3, 4]


def test_a_gradient_is_clipped_to_its_largest_norm_and_left_alone_by_0() -> None:
    batch = next(iter(_one_batch()))
    norms = {}
    for clip in (0.0, 0.01):
        model = Learner()
        recipe = replace(RECIPE, clip=clip)
        step(model, build_optimiser(model, recipe), batch, torch.Generator(), recipe)
        norms[clip] = nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None]).item()
    assert norms[0.0] > 0.5
    assert norms[0.01] == pytest.approx(0.01, rel=1e-3)


def _one_batch() -> list[Any]:
    from diptych.methods.batches import Batch

    return [Batch.of(numbers(8), [0, 3, 5])]


def test_the_optimisers_are_those_of_the_recipe() -> None:
    authors = build_optimiser(Learner(), replace(RECIPE, optimiser="rmsprop"))
    assert (authors.defaults["alpha"], authors.defaults["eps"]) == (0.99, 1e-8)
    ours = build_optimiser(Learner(), replace(RECIPE, weight_decay=0.3))
    assert (type(ours).__name__, ours.defaults["weight_decay"]) == ("AdamW", 0.3)


def test_frozen_weights_are_left_alone(tmp_path: Path) -> None:
    model = Learner()
    model.line.weight.requires_grad_(False)
    run = TrainingRun(RunFolder(tmp_path))
    fit(model, numbers(8), recipe=RECIPE, run=run, validation=Scripted([0.1, 0.2, 0.3]))
    assert model.line.weight.item() == 0
    assert model.line.bias.item() != 0


def test_a_loss_that_is_not_a_number_is_named_with_its_epoch_and_what_to_change(tmp_path: Path) -> None:
    with pytest.raises(
        Diverged,
        match=r"the error loss became nan in epoch 1. Lower the learning rate "
        r"\(--set training.learning_rate=0.03\) or the largest norm of a gradient \(--set training.clip=1\)",
    ):
        fit(
            Learner(poison=math.nan),
            numbers(8),
            recipe=RECIPE,
            run=TrainingRun(RunFolder(tmp_path)),
            validation=even(),
        )
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_a_weight_that_is_not_finite_is_named_before_it_is_saved(tmp_path: Path) -> None:
    model = Learner()
    model.line.bias.register_hook(lambda gradient: gradient * math.nan)
    with pytest.raises(Diverged, match=r"the weight line.bias became nan in epoch 1"):
        fit(model, numbers(4), recipe=RECIPE, run=TrainingRun(RunFolder(tmp_path)), validation=even())
    assert not list(tmp_path.iterdir())


def test_a_validation_without_right_answers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Diverged, match=r"the validation MAP is nan: no validation query has a right answer"):
        learn(tmp_path, [math.nan])


def test_nothing_to_train_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match=r"training needs at least one pair; the training split has none"):
        learn(tmp_path, [0.1], rows=0)


@pytest.mark.parametrize("name", ["epochs", "batch", "learning_rate", "validate_every"])
def test_settings_that_must_be_positive_are(name: str) -> None:
    with pytest.raises(
        BadSetting, match=f"training.{name} must be above 0; got 0(.0)?. Set it with --set training.{name}="
    ):
        Recipe(**{name: type(getattr(RECIPE, name))(0)})


@pytest.mark.parametrize("name", ["weight_decay", "clip", "patience"])
def test_settings_that_must_not_be_negative_are_not(name: str) -> None:
    with pytest.raises(BadSetting, match=f"training.{name} must not be negative; got -1(.0)?. 0 turns it off"):
        Recipe(**{name: type(getattr(RECIPE, name))(-1)})


def test_progress_is_told_at_every_step_with_the_best_figure_so_far(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    fit(
        Learner(),
        numbers(8),
        recipe=replace(RECIPE, epochs=2),
        run=TrainingRun(RunFolder(tmp_path), progress=lambda *state: told.append(state)),
        validation=Scripted([0.25, 0.5]),
    )
    assert [(done, total) for done, total, _ in told] == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert told[0][2] == "training: epoch 1/2"
    assert told[3][2] == "training: epoch 2/2, best validation MAP 0.250 (epoch 1)"


@pytest.mark.gpu
def test_a_gpu_learns_in_mixed_precision(tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    _, model, _ = learn(tmp_path, [k / 60 for k in range(60)], rows=40, weight_decay=0.0)
    assert model.line.weight.is_cuda
    assert model.line.weight.item() == pytest.approx(2, abs=0.1)
