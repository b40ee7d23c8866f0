"""A module that is given a part of a batch does with its rows what it would do with them among all."""

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from diptych.maths.batch_norm import BatchNorm
from diptych.maths.boltzmann import BoltzmannMachine
from diptych.maths.dropout import Dropout
from diptych.maths.sharing import WHOLE, Share, share_rows

ROWS = 7


@dataclass(frozen=True)
class Third(Share):
    """Rows 2 to 4 of seven; the others' sums are given."""

    rest: Tensor | float = 0.0

    def own(self, rows: int) -> slice:
        return slice(2, 5)

    def rows(self, own: int) -> int:
        return ROWS

    def gather(self, values: Tensor) -> Tensor:
        return values

    def total(self, values: Tensor) -> Tensor:
        return values + self.rest


def test_dropout_drops_what_it_drops_in_the_whole_batch() -> None:
    values = torch.randn(ROWS, 3, 5)
    dropout = Dropout(0.4).train()
    torch.manual_seed(3)
    whole, after = dropout(values), torch.rand(1)
    share_rows(dropout, Third())
    torch.manual_seed(3)
    assert torch.equal(dropout(values[2:5]), whole[2:5])
    assert torch.equal(torch.rand(1), after)


@pytest.mark.parametrize("kind", ["binary", "gaussian"])
def test_a_boltzmann_machine_samples_what_it_samples_in_the_whole_batch(kind: str) -> None:
    machine, seen = BoltzmannMachine(4, 3, kind=kind), torch.rand(ROWS, 4)
    whole = machine.sample(seen, torch.Generator().manual_seed(1), steps=2)
    share_rows(machine, Third())
    own = machine.sample(seen[2:5], torch.Generator().manual_seed(1), steps=2)
    torch.testing.assert_close(own, whole[2:5])


def test_a_mean_over_own_rows_weighs_as_much_as_they_are_of_the_batch() -> None:
    values = torch.arange(float(ROWS))
    rest = (values[:2].sum() + values[5:].sum()) / ROWS
    torch.testing.assert_close(Third(rest).mean(values[2:5].mean(), 3), values.mean())
    assert WHOLE.mean(values.mean(), ROWS) == values.mean()


def test_batch_norm_alone_is_torchs() -> None:
    ours, theirs, values = BatchNorm(4), nn.BatchNorm1d(4), torch.randn(ROWS, 4, 6)
    assert torch.equal(ours(values), theirs(values))
    assert torch.equal(ours.running_var, theirs.running_var)
    assert torch.equal(ours.eval()(values), theirs.eval()(values))


def test_a_model_is_told_its_share_in_all_its_modules() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(Dropout(0.5)), BatchNorm(2))
    share = Third()
    share_rows(model, share)
    assert model[1][0].share is share
    assert model[2].share is share
    share_rows(model, WHOLE)
    assert model[2].share is WHOLE
