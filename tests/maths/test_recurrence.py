"""Recurrence against torch's packed LSTM; fragments against their definition."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from diptych.maths.recurrence import Fragments, Recurrence, reorder, trained_parameters, turn_around

LENGTHS = torch.tensor([5, 2, 4])
MASK = torch.arange(5) < LENGTHS[:, None]
STAGES = ((6, 3, 2), (4, 3, 2))


def parts() -> Tensor:
    return torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))


def recurrence(**changes: object) -> Recurrence:
    torch.manual_seed(1)
    settings = {"learning": "trained", "layers": 2, "bidirectional": True, "dropout": 0.0} | changes
    return Recurrence(4, 3, **settings)


def copied(module: Recurrence) -> nn.LSTM:
    """Return torch's LSTM with the same weights."""
    lstm = nn.LSTM(4, 3, num_layers=2, bidirectional=True, batch_first=True)
    with torch.no_grad():
        for layer in range(2):
            for cells, suffix in ((module.forwards[layer], ""), (module.backwards[layer], "_reverse")):
                for name, weight in cells.named_parameters():
                    getattr(lstm, name.replace("_l0", f"_l{layer}") + suffix).copy_(weight)
    return lstm


def test_two_layers_both_ways_equal_the_packed_lstm_of_torch_and_so_do_the_gradients() -> None:
    module, values = recurrence(), parts().requires_grad_()
    packed, _ = copied(module)(pack_padded_sequence(values, LENGTHS, batch_first=True, enforce_sorted=False))
    expected, _ = pad_packed_sequence(packed, batch_first=True)
    states = module(values, MASK)
    torch.testing.assert_close(states, expected)
    direction = torch.randn_like(states)
    (found,) = torch.autograd.grad((states * direction).sum(), values)
    (wanted,) = torch.autograd.grad((expected * direction).sum(), values)
    torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("learning", ["trained", "none"])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_padding_never_changes_the_states_of_real_parts(learning: str, bidirectional: bool) -> None:
    module = recurrence(learning=learning, bidirectional=bidirectional)
    noisy = torch.where(MASK.unsqueeze(2), parts(), 100.0)
    longer = torch.cat([noisy, torch.full((3, 2, 4), 7.0)], dim=1)
    states = module(longer, torch.cat([MASK, torch.zeros(3, 2, dtype=torch.bool)], dim=1))
    torch.testing.assert_close(states[:, :5], module(parts(), MASK))
    assert (states[:, :5][~MASK] == 0).all()


def test_a_frozen_recurrence_has_no_trained_parameters_and_a_trained_one_moves() -> None:
    assert trained_parameters(recurrence(learning="frozen")) == []
    module = recurrence()
    start = [weight.clone() for weight in module.parameters()]
    optimiser = torch.optim.SGD(trained_parameters(module), lr=1.0)
    module(parts(), MASK).sum().backward()
    optimiser.step()
    assert not any(torch.equal(before, after) for before, after in zip(start, module.parameters(), strict=True))


def test_a_gradient_passes_through_a_frozen_recurrence() -> None:
    values = parts().requires_grad_()
    recurrence(learning="frozen")(values, MASK).sum().backward()
    assert values.grad is not None
    assert values.grad[MASK].abs().sum() > 0


def test_none_passes_the_parts_through() -> None:
    module = recurrence(learning="none")
    assert module.width == 4
    assert torch.equal(module(parts(), MASK), parts() * MASK.unsqueeze(2))


def test_dropout_acts_on_the_top_output_too() -> None:
    states = recurrence(layers=1, dropout=0.5)(parts(), MASK)
    assert 0 < int((states[MASK] == 0).sum()) < states[MASK].numel()


def test_sequences_are_turned_around_within_their_length() -> None:
    order = turn_around(MASK)
    assert order.tolist() == [[4, 3, 2, 1, 0], [1, 0, 2, 3, 4], [3, 2, 1, 0, 4]]
    turned = reorder(parts(), order)
    for item, back, length in zip(parts(), turned, LENGTHS.tolist(), strict=True):
        assert torch.equal(back[:length], item[:length].flip(0))
        assert torch.equal(back[length:], item[length:])


def test_a_text_of_one_word_still_gives_one_fragment() -> None:
    fragments, mask = Fragments(4, STAGES).eval()(torch.randn(1, 1, 4), torch.ones(1, 1, dtype=torch.bool))
    assert fragments.shape == (1, 1, 4)
    assert mask.tolist() == [[True]]


def test_a_fragment_is_present_where_it_covers_a_real_word() -> None:
    module = Fragments(4, STAGES).eval()
    mask = torch.arange(9) < torch.tensor([[9], [4], [5], [0]])
    fragments, present = module(torch.randn(4, 9, 4), mask)
    assert module.width == 4
    assert fragments.shape == (4, 3, 4)
    assert present.tolist() == [[True] * 3, [True, False, False], [True, True, False], [False] * 3]


def test_the_stack_of_the_authors_makes_twenty_fragments_of_2904_words() -> None:
    module = Fragments(2, ((3, 15, 5), (4, 9, 5), (2, 7, 6))).eval()
    fragments, _ = module(torch.zeros(1, 2904, 2), torch.ones(1, 2904, dtype=torch.bool))
    assert fragments.shape == (1, 20, 2)


def test_neither_the_content_nor_the_length_of_padding_changes_real_fragments() -> None:
    torch.manual_seed(0)
    module = Fragments(4, STAGES)
    for norm in (layer for layer in module.modules() if isinstance(layer, nn.BatchNorm1d)):
        nn.init.normal_(norm.bias)
        nn.init.normal_(norm.running_mean)
    module.eval()
    alone = module(parts(), MASK)[0]
    longer = torch.cat([torch.where(MASK.unsqueeze(2), parts(), 100.0), torch.full((3, 6, 4), -9.0)], dim=1)
    fragments, present = module(longer, torch.cat([MASK, torch.zeros(3, 6, dtype=torch.bool)], dim=1))
    for row in range(3):
        count = int(present[row].sum())
        torch.testing.assert_close(fragments[row, :count], alone[row, :count])


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel lengths:UserWarning")
def test_an_even_kernel_keeps_the_length() -> None:
    fragments, mask = Fragments(4, ((6, 4, 1),)).eval()(parts(), MASK)
    assert fragments.shape == (3, 5, 6)
    assert torch.equal(mask, MASK)


@pytest.mark.gpu
def test_a_trained_recurrence_is_followed_back_to_its_parts_on_a_gpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    module, values = recurrence().eval().cuda(), parts().cuda().requires_grad_()
    (found,) = torch.autograd.grad(module(values, MASK.cuda()).sum(), values)
    (wanted,) = torch.autograd.grad(module.cpu()(values.cpu(), MASK).sum(), values)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
