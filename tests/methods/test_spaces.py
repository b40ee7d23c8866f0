"""One space: what it reads, what it projects, and how features are standardised."""

import numpy as np
import pytest
import torch

from diptych.errors import BadSetting
from diptych.methods.contract import Embedding
from diptych.methods.inputs import Standardised
from diptych.methods.spaces import Space, SpaceConfig

ROWS = np.random.default_rng(0).standard_normal((50, 6)).astype(np.float32) * 3 + 1
MASK = torch.tensor([[True, True, True], [True, False, False]])


def space(**settings: object) -> Space:
    torch.manual_seed(0)
    return Space(SpaceConfig(width=8, hidden=4, dropout=0.0, **settings), parts=5, whole=3, other=7).eval()


def reading(module: Space) -> Embedding:
    generator = torch.Generator().manual_seed(0)
    parts, whole = torch.randn(2, 3, 5, generator=generator), torch.randn(2, 3, generator=generator)
    with torch.inference_mode():
        return module.read(parts, MASK, whole)


def test_features_that_are_not_fitted_stay_as_they_are() -> None:
    values = torch.from_numpy(ROWS)
    assert torch.equal(Standardised(6, power=1.0)(values), values)


def test_fitted_features_have_no_mean_and_unit_mean_variance() -> None:
    scaling = Standardised(6, power=1.0)
    scaling.fit(ROWS)
    scaled = scaling(torch.from_numpy(ROWS))
    torch.testing.assert_close(scaled.mean(0), torch.zeros(6), atol=1e-5, rtol=0)
    assert scaled.var(0, correction=0).mean().item() == pytest.approx(1.0, abs=1e-5)
    torch.testing.assert_close(scaled * scaling.scale + scaling.mean, torch.from_numpy(ROWS))


def test_a_power_takes_signed_roots_and_scales_to_unit_length() -> None:
    raised = Standardised(3, power=0.5)(torch.tensor([[4.0, -9.0, 0.0]]))
    torch.testing.assert_close(raised, torch.tensor([[2.0, -3.0, 0.0]]) / 13**0.5)


@pytest.mark.parametrize("power", [0.5, 0.3])
def test_a_power_has_the_slope_of_the_power_and_at_zero_a_finite_one(power: float) -> None:
    scaling = Standardised(4, power=power)
    values = torch.tensor([[4.0, -9.0, 0.25, -0.01]], dtype=torch.float64, requires_grad=True)
    plain = torch.nn.functional.normalize(values.abs() ** power * values.sign(), dim=1)
    (expected,) = torch.autograd.grad(plain[0, 2] + 3 * plain[0, 1], values)
    raised = scaling.raised(values)
    torch.testing.assert_close(raised, plain)
    (slope,) = torch.autograd.grad(raised[0, 2] + 3 * raised[0, 1], values)
    torch.testing.assert_close(slope, expected)
    sparse = torch.tensor([[0.0, 0.0, 2.0, 1e-12]], requires_grad=True)
    scaling.raised(sparse).sum().backward()
    assert sparse.grad is not None
    assert sparse.grad.isfinite().all()
    assert sparse.grad.abs().max() < 100


@pytest.mark.parametrize("power", [1.0, 0.5, 0.3])
def test_principal_components_are_those_of_the_raised_and_centred_values(power: float) -> None:
    scaling = Standardised(6, power=power, kept=3)
    scaling.fit(ROWS)
    assert scaling.basis is not None
    values = torch.from_numpy(ROWS[:12]).reshape(3, 4, 6)
    raised = values if power == 1 else torch.nn.functional.normalize(values.sign() * values.abs().pow(power), dim=-1)
    torch.testing.assert_close(scaling(values), (raised - scaling.mean) @ scaling.basis, atol=1e-5, rtol=1e-5)
    nothing = torch.zeros(1, 2, 6)
    torch.testing.assert_close(scaling(nothing), (-scaling.mean @ scaling.basis).expand(1, 2, 3))


def test_components_beyond_the_rows_are_zero() -> None:
    scaling = Standardised(6, power=1.0, kept=5)
    scaling.fit(ROWS[:3])
    scaled = scaling(torch.from_numpy(ROWS))
    assert scaled.shape == (50, 5)
    assert (scaled[:, 3:] == 0).all()


def test_a_space_gives_unit_vectors_of_its_width_for_both_modalities() -> None:
    module = space()
    for raw in (reading(module).vectors, module.project(torch.randn(2, 7))):
        vectors = module.finish(raw)
        assert vectors.shape == (2, 8)
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))


def test_without_normalising_vectors_keep_their_length() -> None:
    module, other = space(normalise=False), torch.randn(2, 7)
    torch.testing.assert_close(module.project(other), module.other(other))


def test_squash_passes_only_the_projected_modality_through_a_sigmoid() -> None:
    plain, squashed, other = space(normalise=False), space(normalise=False, squash=True), torch.randn(2, 7)
    torch.testing.assert_close(squashed.project(other), torch.sigmoid(plain.project(other)))
    torch.testing.assert_close(reading(squashed).vectors, reading(plain).vectors)


def test_a_sequence_is_read_no_further_than_its_longest() -> None:
    module, parts, whole = space(longest=2), torch.randn(2, 3, 5), torch.randn(2, 3)
    found = module.read(parts, MASK, whole)
    assert found.attention is not None
    assert found.attention.shape == (2, 2)
    torch.testing.assert_close(found.vectors, module.read(parts[:, :2], MASK[:, :2], whole).vectors)


def test_whole_adds_a_projection_of_the_whole_vector() -> None:
    module, parts, whole = space(normalise=False), torch.randn(2, 3, 5), torch.randn(2, 3)
    attended = module.attention(module.recurrence(parts, MASK), MASK)[0]
    assert module.whole is not None
    torch.testing.assert_close(module.read(parts, MASK, whole).vectors, attended + module.whole(whole))
    assert space(whole=False).whole is None


def test_weights_are_given_for_present_parts_only_unless_padding_is_attended() -> None:
    assert [len(weights) for weights in reading(space()).unpadded()] == [3, 1]
    attended = reading(space(attend_padding=True)).unpadded()
    assert [len(weights) for weights in attended] == [3, 3]
    assert all(weights.sum() == pytest.approx(1.0) for weights in attended)


def test_a_projected_modality_has_no_weights() -> None:
    assert Embedding(torch.zeros(2, 8)).unpadded() == []


def test_the_parts_of_the_projected_modality_are_attended_as_the_other_space_reads_them_and_added() -> None:
    torch.manual_seed(0)
    reading = SpaceConfig(width=99, hidden=3, dropout=0.0, heads=2)
    module = Space(
        SpaceConfig(width=8, hidden=4, dropout=0.0, normalise=False, other_parts=True),
        parts=5,
        whole=3,
        other=7,
        other_reading=(reading, 6),
    ).eval()
    assert module.other_reader is not None
    assert (module.other_reader.recurrence.width, module.other_reader.attention.heads) == (6, 2)
    other, parts = torch.randn(2, 7), torch.randn(2, 3, 6)
    states = module.other_reader.recurrence(parts, MASK)
    attended = module.other_reader.attention(states, MASK)[0]
    torch.testing.assert_close(module.project(other, parts, MASK), module.other(other) + attended)
    assert module.span(read=False).shape == (8, 7 + 1 + 2 * 6 + 1)


def test_dropout_of_parts_takes_the_same_components_from_all_parts_of_an_item_while_training() -> None:
    torch.manual_seed(0)
    module = Space(SpaceConfig(width=8, recurrence="none", dropout=0.0, part_dropout=0.5), parts=40, whole=3, other=7)
    seen: list[torch.Tensor] = []
    module.recurrence.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    parts = torch.ones(2, 3, 40)
    module.attended(parts, MASK)
    assert torch.equal(seen[0], seen[0][:, :1].expand_as(seen[0]))
    assert 0 < (seen[0] == 0).float().mean() < 1
    module.eval().attended(parts, MASK)
    assert torch.equal(seen[1], parts)


def test_a_lift_scale_makes_the_parts_a_small_residual_at_the_start() -> None:
    plain, small = space(), space(lift_scale=0.1)
    torch.testing.assert_close(small.attention.lift.weight, 0.1 * plain.attention.lift.weight)
    torch.testing.assert_close(small.attention.lift.bias, plain.attention.lift.bias)
    with pytest.raises(BadSetting, match=r"the lift_scale of a space must be above 0; got 0\.0"):
        SpaceConfig(lift_scale=0.0)


def test_padding_is_attended_up_to_the_same_number_of_fragments_in_every_batch() -> None:
    module = space(attend_padding=True, padded=20, fragments=((6, 3, 2), (4, 3, 3)))
    parts = torch.randn(1, 4, 5)
    alone = module.read(parts[:, :2], MASK[:1, :2], torch.zeros(1, 3))
    beside = module.read(
        torch.cat([parts[:, :2], torch.zeros(1, 9, 5)], 1), torch.arange(11)[None] < 2, torch.zeros(1, 3)
    )
    assert alone.attention is not None
    assert alone.attention.shape == (1, 4)  # 20 parts, 10 after the first pool, 4 after the second
    torch.testing.assert_close(alone.vectors, beside.vectors)
    torch.testing.assert_close(alone.attention, beside.attention)


@pytest.mark.parametrize("setting", ["width", "hidden", "layers", "longest"])
def test_a_size_below_one_is_refused(setting: str) -> None:
    with pytest.raises(BadSetting, match=f"the {setting} of a space must be at least 1; got 0"):
        SpaceConfig(**{setting: 0})


def test_several_heads_without_a_projection_of_the_scores_are_refused() -> None:
    with pytest.raises(BadSetting, match="several heads need attention=projected; got 2 heads with attention=plain"):
        SpaceConfig(heads=2, attention="plain")


def test_dropping_everything_and_a_negative_reduction_are_refused() -> None:
    with pytest.raises(BadSetting, match=r"the dropout of a space must be at least 0 and below 1; got 1\.0"):
        SpaceConfig(dropout=1.0)
    with pytest.raises(BadSetting, match=r"the reduce of a space must not be negative; got -1"):
        SpaceConfig(reduce=-1)


@pytest.mark.parametrize(("power", "kept", "each"), [(1.0, 0, False), (0.5, 0, False), (0.5, 0, True), (0.5, 4, False)])
def test_shares_of_a_sum_sum_to_its_standardised_self(power: float, kept: int, *, each: bool) -> None:
    scaling = Standardised(6, power=power, kept=kept, each=each)
    scaling.fit(ROWS)
    pieces = torch.from_numpy(ROWS[:5])
    whole = pieces.sum(0) + 0.25
    torch.testing.assert_close(scaling.shares(whole, pieces).sum(0), scaling(whole), atol=1e-4, rtol=1e-4)


def test_the_share_of_a_number_that_is_zero_in_the_whole_is_the_means() -> None:
    scaling = Standardised(3, power=0.5)
    scaling.mean.fill_(0.5)
    shares = scaling.shares(torch.tensor([4.0, 9.0, 0.0]), torch.tensor([[4.0, 0.0, 0.0], [0.0, 9.0, 0.0]]))
    root = 13**0.5
    torch.testing.assert_close(shares, torch.tensor([[2 / root, 0, 0], [0, 3 / root, 0]]) - 0.25)
