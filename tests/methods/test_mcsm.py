"""MCSM at tiny sizes: what it places, what it minimises, what its presets do, and that it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from diptych.data.features import Features
from diptych.errors import BadSetting, MissingData, ShapeMismatch
from diptych.maths.recurrence import trained_parameters
from diptych.methods.batches import Batch
from diptych.methods.contract import GradientMethod
from diptych.methods.embeddings import PairEmbeddings, embed_pairs
from diptych.methods.mcsm import MCSM, PRESETS, MCSMConfig, Widths
from diptych.settings import override
from diptych.training.loop import build_optimiser, step
from diptych.training.objective import objective

from .features import SMALL, random_features

STAGES = "textual.fragments=[[6,3,2],[5,3,1]]"
NAMES = sorted(PRESETS)


def config(preset: str = "default", *changes: str) -> MCSMConfig:
    small = [*SMALL, *([] if preset == "default" else [STAGES])]
    return override(PRESETS[preset], [*small, *changes])


def fitted(features: Features, preset: str = "default", *changes: str) -> MCSM:
    torch.manual_seed(0)
    return MCSM.fitted(config(preset, *changes), features)


def trained(model: MCSM, features: Features, steps: int = 3) -> list[dict[str, float]]:
    """Take a few steps over all texts at once and return the losses of each."""
    optimiser, generator = build_optimiser(model, model.config.training), torch.Generator().manual_seed(0)
    batch = Batch.of(features, range(len(features.texts)))
    model.train()
    return [step(model, optimiser, batch, generator, model.config.training) for _ in range(steps)]


def weights_of(model: MCSM) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


@pytest.mark.parametrize("preset", NAMES)
def test_both_spaces_place_every_picture_and_text_with_one_vector_each(preset: str) -> None:
    features = random_features(6, texts=2)
    model = fitted(features, preset)
    assert isinstance(model, GradientMethod)
    placed = embed_pairs(model, features)
    assert list(placed) == ["visual", "textual"]
    for space in placed.values():
        assert len(space.images) == 6
        assert len(space.texts) == 12
        assert space.similarity().shape == (6, 12)
        assert np.isfinite(space.similarity()).all()
    assert [len(space.attention) for space in placed.values()] == [6, 12]


@pytest.mark.parametrize("preset", NAMES)
def test_a_few_steps_of_every_preset_are_finite_and_move_every_trained_weight(preset: str) -> None:
    features = random_features()
    model = fitted(features, preset)
    before = weights_of(model)
    for losses in trained(model, features):
        assert all(np.isfinite(value) for value in losses.values())
    frozen = PRESETS[preset].visual.recurrence == "frozen"
    for name, weight in model.named_parameters():
        moved = not torch.equal(weight, before[name])
        # The bias of the scores shifts all of them alike: no loss depends on it.
        assert moved or name.endswith("score.bias") or (frozen and ".recurrence." in name), name


def test_attention_weights_have_one_entry_a_part_and_sum_to_one() -> None:
    features = random_features(6)
    placed = embed_pairs(fitted(features), features)
    assert [len(weights) for weights in placed["visual"].attention] == [4] * 6
    assert [len(weights) for weights in placed["textual"].attention] == [9, 1, 5, 9, 1, 5]
    for space in placed.values():
        assert all(weights.sum() == pytest.approx(1.0, abs=1e-5) for weights in space.attention)


def embedded_by(size: int, model: MCSM, features: Features) -> dict[str, PairEmbeddings]:
    """Return pairs that were embedded so many at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MCSM, "rows_at_once", size)
        return embed_pairs(model, features)


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_places_do_not_depend_on_the_batch_they_are_computed_in(preset: str) -> None:
    features = random_features(7)
    model = fitted(features, preset)
    trained(model, features)
    whole = embed_pairs(model, features)
    for size in (1, 3):
        for name, space in embedded_by(size, model, features).items():
            np.testing.assert_allclose(space.images, whole[name].images, atol=1e-5)
            np.testing.assert_allclose(space.texts, whole[name].texts, atol=1e-5)
            for found, expected in zip(space.attention, whole[name].attention, strict=True):
                np.testing.assert_allclose(found, expected, atol=1e-5)


def test_released_attends_padding_so_that_a_text_depends_on_its_batch() -> None:
    features = random_features(6)
    model = fitted(features, "released")
    together, alone = (embedded_by(size, model, features)["textual"] for size in (6, 1))
    assert {len(weights) for weights in together.attention} == {5}
    assert {len(weights) for weights in alone.attention} == {1, 3, 5}
    assert not np.allclose(together.texts, alone.texts, atol=1e-3)


def test_permuting_the_gallery_permutes_the_similarities() -> None:
    features, order = random_features(6), np.array([3, 0, 5, 1, 4, 2])
    model = fitted(features)
    permuted = replace(features, texts=features.texts.take(order), owner=features.owner[order])
    for name, space in embed_pairs(model, permuted).items():
        expected = embed_pairs(model, features)[name].similarity()[:, order]
        np.testing.assert_allclose(space.similarity(), expected, atol=1e-5)


@pytest.mark.parametrize(("regions", "words", "space"), [(True, False, "visual"), (False, True, "textual")])
def test_without_parts_in_one_modality_there_is_one_space(regions: bool, words: bool, space: str) -> None:
    features = random_features(regions=regions, words=words)
    model = fitted(features)
    assert model.spaces == (space,)
    assert all(name.startswith(space) for losses in trained(model, features) for name in losses)
    assert list(embed_pairs(model, features)) == [space]


def test_without_any_parts_mcsm_says_what_it_needs() -> None:
    with pytest.raises(MissingData, match="MCSM reads regions of pictures or words of texts"):
        fitted(random_features(regions=False, words=False))


def test_a_batch_without_the_parts_of_a_space_is_refused() -> None:
    model = fitted(random_features())
    with pytest.raises(MissingData, match="the textual space reads the parts of texts"):
        objective(model, Batch.of(random_features(words=False), [0, 1]), torch.Generator())


def test_objectives_are_named_by_space_and_loss() -> None:
    features = random_features()
    names = {
        f"{space} {loss}" for space in ("visual", "textual") for loss in ("contrastive", "partner", "classification")
    }
    assert set(trained(fitted(features), features)[0]) == names
    assert set(trained(fitted(features, "paper"), features)[0]) == {"visual margin", "textual margin"}


@pytest.mark.parametrize("preset", NAMES)
def test_without_categories_partners_are_the_positives(preset: str) -> None:
    features = random_features(classes=0)
    model = fitted(features, preset)
    assert len(model.heads) == 0
    losses = trained(model, features)
    assert all("classification" not in name for name in losses[0])
    assert np.isfinite(list(losses[-1].values())).all()
    assert embed_pairs(model, features)["visual"].images.shape[1] == 16


def test_items_of_several_categories_and_of_none_are_learnt_from() -> None:
    features = random_features()
    assert features.labels is not None
    labels = features.labels.copy()
    labels[0], labels[1] = True, False
    features = replace(features, labels=labels)
    for losses in trained(fitted(features), features):
        assert np.isfinite(list(losses.values())).all()


def test_with_nothing_to_minimise_a_model_is_refused() -> None:
    nothing = ("loss.contrastive=0", "loss.partner=0", "loss.classification=1")
    with pytest.raises(BadSetting, match="MCSM has nothing to minimise"):
        fitted(random_features(classes=0), "default", *nothing)
    assert fitted(random_features(), "default", *nothing).heads


def test_a_similarity_is_the_cosines_of_vectors_and_of_posteriors_by_their_shares() -> None:
    features = random_features()
    model = fitted(features, "default", "class_share=0.3", "class_temperature=2.0")
    plain = MCSM(replace(model.config, class_share=0.0), Widths.of(features))
    plain.load_state_dict(model.state_dict())
    for name, space in embed_pairs(model, features).items():
        vectors = embed_pairs(plain, features)[name]
        with torch.no_grad():
            images, texts = (
                torch.nn.functional.normalize(
                    (model.heads[name](model.config.loss.sharpness * torch.from_numpy(v)) / 2).softmax(1)
                ).numpy()
                for v in (vectors.images, vectors.texts)
            )
        expected = 0.7 * vectors.similarity() + 0.3 * images @ texts.T
        np.testing.assert_allclose(space.similarity(), expected, atol=1e-5)


def test_a_share_outside_zero_and_one_is_refused() -> None:
    with pytest.raises(BadSetting, match=r"class_share must lie between 0 and 1; got 1\.5"):
        config("default", "class_share=1.5")


def test_a_temperature_of_zero_is_refused() -> None:
    with pytest.raises(BadSetting, match=r"class_temperature must be above 0; got 0\.0"):
        config("default", "class_temperature=0")


def test_features_of_another_encoder_are_refused_with_both_widths() -> None:
    features = random_features()
    model = fitted(features)
    texts = replace(features.texts, whole=np.zeros((12, 9), dtype=np.float32))
    with pytest.raises(ShapeMismatch, match="whole vectors of texts must have 4 dimensions for this model; got 9"):
        embed_pairs(model, replace(features, texts=texts))
    with pytest.raises(ShapeMismatch, match="parts of images must have 6 dimensions for this model; got 0"):
        embed_pairs(model, random_features(regions=False))


def test_released_freezes_the_lstm_and_paper_trains_it() -> None:
    features = random_features()
    for preset, moves in (("released", False), ("paper", True)):
        model = fitted(features, preset)
        before = weights_of(model)
        trained(model, features)
        cells = [name for name in before if ".recurrence." in name]
        assert cells
        for name, weight in model.named_parameters():
            if name in cells:
                assert torch.equal(weight, before[name]) is not moves
        assert moves or not any(weight is cell for cell in trained_parameters(model.towers["visual"].recurrence))


def test_only_paper_scores_with_an_inner_matrix_in_both_spaces() -> None:
    inner = {
        preset: [name for name, _ in fitted(random_features(), preset).named_parameters() if "inner.weight" in name]
        for preset in NAMES
    }
    assert [len(inner[preset]) for preset in ("paper", "released", "default")] == [2, 1, 2]
    assert inner["released"] == ["towers.visual.attention.inner.weight"]


def test_the_same_seed_gives_the_same_places() -> None:
    features = random_features()
    first, second = (fitted(features, "default", "visual.dropout=0.5") for _ in range(2))
    for model in (first, second):
        torch.manual_seed(5)
        trained(model, features)
    for name, space in embed_pairs(first, features).items():
        assert np.array_equal(space.images, embed_pairs(second, features)[name].images)


def test_the_default_learns_to_tell_two_categories_apart() -> None:
    train, test = random_features(60, classes=2), random_features(40, classes=2, seed=1)
    model = fitted(train, "default", "training.schedule=constant", "training.learning_rate=0.01")
    trained(model, train, steps=25)
    same = test.labels @ test.labels.T
    for space in embed_pairs(model, test).values():
        best = space.similarity().argmax(1)
        assert same[np.arange(40), best].mean() > 0.85
