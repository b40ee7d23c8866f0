"""MCSM at tiny sizes: what it places, what it minimises, what its presets do, and that it learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from torch import Tensor

from diptych.data.features import Features
from diptych.errors import BadSetting, MissingData, ShapeMismatch
from diptych.maths.recurrence import trained_parameters
from diptych.methods.batches import Batch, FeatureBatch
from diptych.methods.cca import CCA
from diptych.methods.cca import PRESETS as CCA_PRESETS
from diptych.methods.contract import GradientMethod
from diptych.methods.embeddings import PairEmbeddings, embed_items, embed_pairs
from diptych.methods.mcsm import MCSM, PRESETS, MCSMConfig
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


def test_released_reads_every_text_at_2904_words_so_that_no_text_depends_on_its_batch() -> None:
    features = random_features(6)
    model = fitted(features, "released")
    together, alone = (embedded_by(size, model, features)["textual"] for size in (6, 1))
    np.testing.assert_allclose(together.texts, alone.texts, atol=1e-5)
    fragments = 2904 // 2  # the pools of STAGES are 2 and 1
    assert {len(weights) for weights in together.attention} == {fragments}
    padded = fitted(features, "released", "textual.padded=0")
    padded.load_state_dict(model.state_dict())
    # its second text is a single word
    assert len(embed_items(padded, "text", features.texts.take(np.array([1])))["textual"].attention[0]) == 1


def test_class_mates_take_the_place_of_pictures_in_the_textual_space_of_released_alone() -> None:
    features = random_features()
    released, paper = (fitted(features, preset) for preset in ("released", "paper"))
    assert (released.mates_in, paper.mates_in) == (("textual",), ())
    batch = Batch.of(features, [0, 1, 2], mates=torch.Generator().manual_seed(1))
    assert batch.mates is not None
    moved = replace(batch, mates=replace(batch.mates, whole=batch.mates.whole + 1))
    for model, changes in ((released.eval(), True), (paper.eval(), False)):
        first, second = (objective(model, each, torch.Generator().manual_seed(0)) for each in (batch, moved))
        assert first["visual margin"] == second["visual margin"]
        assert (first["textual margin"] != second["textual margin"]).item() is changes


def test_permuting_the_gallery_permutes_the_similarities() -> None:
    features, order = random_features(6), np.array([3, 0, 5, 1, 4, 2])
    model = fitted(features)
    permuted = replace(features, texts=features.texts.take(order), owner=features.owner[order])
    for name, space in embed_pairs(model, permuted).items():
        expected = embed_pairs(model, features)[name].similarity()[:, order]
        np.testing.assert_allclose(space.similarity(), expected, atol=1e-5)


START = ("image.power=0.5", "image.centre=true", "text.centre=true")
"""Settings under which a space's similarity is that of its whole vectors, scaled as the closed forms scale them."""


@pytest.mark.parametrize("parts", [False, True])
def test_a_start_at_cca_has_the_similarities_of_cca_in_both_spaces(*, parts: bool) -> None:
    features = random_features(40, texts=2)
    changes = [f"{space}.other_parts={str(parts).lower()}" for space in ("visual", "textual")]
    model = fitted(features, "default", "start.form=cca", "start.ridge=0.3", "start.scale=0.2", *START, *changes)
    solved = CCA.fitted(override(CCA_PRESETS["default"], ["ridge=0.3", "weighting=1", "dimensions=16"]), features)
    expected = embed_pairs(solved, features)["common"].similarity()
    for space in embed_pairs(model, features).values():
        np.testing.assert_allclose(space.similarity(), expected, atol=1e-5)
    before = weights_of(model)
    trained(model, features)
    assert not all(torch.equal(weight, before[name]) for name, weight in model.named_parameters() if "lift" in name)


def test_a_start_at_the_categories_has_the_similarities_of_two_ridge_regressions() -> None:
    features = random_features(40)
    assert features.labels is not None
    model = fitted(features, "default", "start.form=categories", "start.category_ridge=0.3", *START)
    centred = features.labels - features.labels.mean(0)
    sides = []
    for modality, rows in (("image", features.images.whole), ("text", features.texts.whole)):
        with torch.no_grad():
            scaled = model.whole[modality](torch.from_numpy(rows)).double().numpy()
        solver = Ridge(alpha=0.3 * len(scaled) * np.square(scaled).mean(), fit_intercept=False)
        predicted = solver.fit(scaled, centred).predict(scaled)
        sides.append(predicted / np.linalg.norm(predicted, axis=1, keepdims=True))
    for space in embed_pairs(model, features).values():
        np.testing.assert_allclose(space.similarity(), sides[0] @ sides[1].T, atol=1e-5)


def test_a_start_at_both_weighs_cca_and_the_categories_by_their_share_of_the_squared_length() -> None:
    features = random_features(40)
    ridges = ("start.ridge=0.3", "start.category_ridge=0.7", "start.category_share=0.2")
    alone = {
        form: fitted(features, "default", f"start.form={form}", *ridges, *widths, *START)
        for form, widths in (
            ("cca", ("visual.width=13", "textual.width=13")),
            ("categories", ("visual.width=3", "textual.width=3")),
        )
    }
    both = fitted(features, "default", "start.form=both", *ridges, "visual.width=16", "textual.width=16", *START)
    batches = {"image": FeatureBatch.of(features.images, range(40)), "text": FeatureBatch.of(features.texts, range(40))}
    with torch.inference_mode():
        sides = []
        for modality, batch in batches.items():
            columns = []
            for form, share in (("cca", 0.8), ("categories", 0.2)):
                model = alone[form].eval()
                raw = model.represent("visual", modality, model.prepared(modality, batch))["vectors"]
                columns.append(share**0.5 * raw / raw.square().sum(1).mean().sqrt())
            sides.append(torch.nn.functional.normalize(torch.cat(columns, dim=1), dim=1).numpy())
    for space in embed_pairs(both, features).values():
        np.testing.assert_allclose(space.similarity(), sides[0] @ sides[1].T, atol=1e-5)


def test_a_closed_form_that_is_kept_does_not_learn_and_parts_learn_on_top_of_it() -> None:
    features = random_features(40)
    model = fitted(features, "default", "start.form=cca", "start.keep=true", *START)
    before = weights_of(model)
    trained(model, features)
    changed = {name for name, weight in model.named_parameters() if not torch.equal(weight, before[name])}
    assert not any(".whole." in name or ".other." in name for name in changed)
    assert {name for name in before if "attention.lift" in name} <= changed


def test_the_scale_of_a_start_multiplies_random_maps_too() -> None:
    features = random_features()
    one, small = (fitted(features, "default", f"start.scale={scale}") for scale in (1, 0.1))
    for space in one.spaces:
        for name in ("whole.weight", "other.weight"):
            full, scaled = (dict(model.towers[space].named_parameters())[name] for model in (one, small))
            torch.testing.assert_close(scaled, 0.1 * full)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (["start.form=both", "visual.width=3"], "needs a dimension for each category, and more: 3 in spaces of 3"),
        (["start.keep=true"], r"start\.form=random is none"),
        (["start.category_share=1"], r"start\.category_share must lie between 0 and 1; got 1"),
        (["start.form=categories", "visual.width=2"], "needs a dimension for each category: 3 in spaces of 2"),
        (["start.form=cca", "textual.whole=false"], "a space starts at a closed form only where it projects the whole"),
        (["start.scale=0"], r"start\.scale must be above 0; got 0"),
        (["start.ridge=-1"], r"start\.ridge must not be negative; got -1"),
    ],
)
def test_a_start_that_cannot_be_is_refused(changes: list[str], problem: str) -> None:
    with pytest.raises(BadSetting, match=problem):
        fitted(random_features(), "default", *changes)
    with pytest.raises(MissingData, match=r"start\.form=categories needs categories"):
        fitted(random_features(classes=0), "default", "start.form=categories")


def test_a_learnt_temperature_starts_where_it_is_set_and_moves_in_each_space() -> None:
    features = random_features()
    fixed = fitted(features, "default", "loss.temperature=0.2")
    model = fitted(features, "default", "loss.temperature=0.2", "loss.learn_temperature=true")
    assert sorted(model.scales) == sorted(model.spaces)
    assert trained(model, features, 1)[0] == pytest.approx(trained(fixed, features, 1)[0])
    assert all(scale.item() != pytest.approx(np.log(5), abs=1e-6) for scale in model.scales.values())
    assert len(fitted(features, "paper", "loss.learn_temperature=true").scales) == 0


def test_with_other_parts_every_vector_depends_on_parts_and_every_weight_learns() -> None:
    features = random_features()
    both = ("visual.other_parts=true", "textual.other_parts=true", "visual.heads=2", "textual.heads=2")
    model = fitted(features, "default", *both)
    assert all(model.takes_parts(space, modality) for space in model.spaces for modality in ("image", "text"))
    before = weights_of(model)
    trained(model, features)
    assert {name for name, weight in model.named_parameters() if torch.equal(weight, before[name])} <= {
        name for name in before if name.endswith("score.bias")
    }
    bare = replace(features, images=replace(features.images, parts=None))
    with pytest.raises(MissingData, match="the visual space reads the parts of images"):
        model.embed("image", FeatureBatch.of(bare.images, [0]))


REDUCED = ("visual.reduce=4", "textual.reduce=3", "visual.other_parts=true", "textual.other_parts=true")


def test_condensed_features_train_as_the_whole_ones_do_up_to_half_precision() -> None:
    features = random_features(texts=2)
    model = fitted(features, "default", *REDUCED, "image.power=0.5")
    told: list[tuple[int, int, str]] = []
    condensed = model.condensed(features, progress=lambda *each: told.append(each))
    assert (condensed.images.parts.width, condensed.texts.parts.width) == (4, 3)
    assert (condensed.images.condensed, condensed.texts.condensed) == (True, True)
    assert {label for _, _, label in told} == {f"training: reducing parts of {m}" for m in ("images", "texts")}
    assert np.array_equal(condensed.texts.parts.lengths, features.texts.parts.lengths)
    model.eval()
    whole, reduced = (
        objective(model, Batch.of(each, [5, 0, 2, 9]), torch.Generator().manual_seed(0))
        for each in (features, condensed)
    )
    for name, value in whole.items():
        torch.testing.assert_close(reduced[name], value, atol=5e-3, rtol=5e-3)


@pytest.mark.parametrize("memory", [100, 10**9])
def test_parts_are_condensed_only_where_memory_suffices_and_they_are_reduced(
    memory: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diptych.methods.inputs.memory_bytes", lambda: memory)
    features = random_features()
    model = fitted(features, "default", "visual.reduce=4", "textual.reduce=0")
    condensed = model.condensed(features)
    assert condensed.images.condensed is (memory > 100)
    assert (condensed.images is features.images) is (memory == 100)
    assert condensed.texts is features.texts


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
    model = fitted(random_features(), "default", "visual.other_parts=false")
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
    assert [len(inner[preset]) for preset in ("paper", "released", "default")] == [2, 1, 4]
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


def test_dropout_of_whole_vectors_falls_with_the_number_of_training_pairs() -> None:
    features = random_features(40)
    same = ("visual.input_dropout_pairs=0", "textual.input_dropout_pairs=40")
    fewer = ("visual.input_dropout_pairs=20", "textual.input_dropout_pairs=5")
    shares = ("visual.input_dropout=0.7", "textual.input_dropout=0.5")

    def thresholds(*changes: str) -> list[int]:
        model = fitted(features, "default", *shares, *changes)
        return [model._tower(name).input_dropout.threshold for name in model.spaces]

    assert thresholds(*same) == [round(0.7 * 256), round(0.5 * 256)]
    odds = [0.7 / 0.3 * (20 / 40) ** 0.7, 0.5 / 0.5 * (5 / 40) ** 0.7]
    assert thresholds(*fewer) == [round(each / (1 + each) * 256) for each in odds]
