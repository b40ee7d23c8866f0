"""Explanations of pairs by small models: the similarities are those of a search, and every way agrees with them."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from diptych.data.features import Features
from diptych.encoders.contract import Encoder
from diptych.errors import BadSetting
from diptych.explaining.explain import encode_pair, explain_image, explain_pair, explain_texts
from diptych.explaining.explanation import Explanation
from diptych.explaining.fusing import NOTHING_FUSED, Fusing
from diptych.explaining.places import Box
from diptych.explaining.traced_pair import TracedPair
from diptych.fusion.linear import Rule as Linear
from diptych.fusion.product import Rule as Product
from diptych.fusion.rrf import Rule as ReciprocalRank
from diptych.fusion.serving import Statistics
from diptych.methods.cca import CCA
from diptych.methods.cca import PRESETS as CCA_PRESETS
from diptych.methods.contract import Method
from diptych.methods.embeddings import embed_pairs
from diptych.methods.mcsm import MCSM, PRESETS
from diptych.settings import override

from .encoders import Letters, Quarters, features_of

TEXTS = ["a red square", "blue discs, two of them", "a square in red", "one blue disc", "squares", "discs all over"]
SMALL = [
    f"{space}.{setting}"
    for space in ("visual", "textual")
    for setting in ("width=16", "hidden=8", "reduce=0", "dropout=0.0", "input_dropout=0.0")
]
READERS: dict[str, Encoder] = {"image": Quarters(), "text": Letters()}
GALLERY = (np.array([-0.5, 0.25, 0.75]), np.array([-1.0, 0.0, 0.5]))

Explain = Callable[..., Explanation]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Return six pictures, 30 wide and 20 high, of random colours in their quarters."""
    folder, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(3)
    paths = [folder / f"{k}.png" for k in range(len(TEXTS))]
    for path in paths:
        colours = Image.fromarray(random.integers(0, 256, (2, 2, 3), dtype=np.uint8))
        colours.resize((30, 20), Image.Resampling.NEAREST).save(path)
    return paths


def built(features: Features, preset: str = "default", *changes: str) -> MCSM:
    torch.manual_seed(1)
    config = override(PRESETS[preset], [*SMALL, *changes])
    return MCSM.fitted(config, features).eval()


@pytest.fixture
def explain(pictures: list[Path]) -> Explain:
    """Return a function that explains the first picture and text by a method."""

    def explain(method: Method, fusing: Fusing = NOTHING_FUSED, **readers: Encoder) -> Explanation:
        return explain_pair(method, READERS | readers, pictures[0], TEXTS[:1], fusing=lambda pair: fusing)

    return explain


def fusing(rule: Product | Linear | ReciprocalRank) -> Fusing:
    return Fusing.by(rule, "rule", lambda rule: (rule.served(*map(Statistics.of, GALLERY)), "three pictures"))


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_similarities_are_those_that_the_method_places(preset: str, pictures: list[Path], explain: Explain) -> None:
    features = features_of(pictures, TEXTS, READERS["image"], READERS["text"])
    model = built(features, preset)
    placed = embed_pairs(model, features_of(pictures[:1], TEXTS[:1], READERS["image"], READERS["text"]))
    explanation = explain(model, fusing(Product()))
    for space in explanation.spaces:
        assert space.similarity == pytest.approx(float(placed[space.name].similarity()[0, 0]), abs=1e-6)
    visual, textual = (space.similarity for space in explanation.spaces)
    shares = (visual + 0.5) / 1.25, (textual + 1) / 1.5
    assert explanation.fused == pytest.approx(shares[1] * visual + shares[0] * textual)


def test_places_are_boxes_of_pixels_and_words_without_special_tokens(pictures: list[Path], explain: Explain) -> None:
    explanation = explain(built(features_of(pictures, TEXTS, Quarters(), Letters())), fusing(Product()))
    assert explanation.regions[1] == Box(15.0, 0.0, 30.0, 10.0)
    assert (explanation.width, explanation.height) == (30, 20)
    assert [(word.text, word.start, word.end) for word in explanation.words] == [
        ("a", 0, 1), ("red", 2, 5), ("square", 6, 12),
    ]  # fmt: skip


def test_attention_is_over_what_a_space_reads_and_side_by_side_when_fused(
    pictures: list[Path], explain: Explain
) -> None:
    features = features_of(pictures, TEXTS, Quarters(), Letters())
    model = built(features)
    weights = embed_pairs(model, features)["visual"].attention[0]
    visual, textual = (space.ways["attention"] for space in explain(model, fusing(Product())).spaces)
    assert visual.image == pytest.approx(weights, abs=1e-6)
    assert (visual.words.size, textual.image.size) == (0, 0)
    assert visual.reason == "The visual space does not attend to words."
    both = explain(model, fusing(Product())).fused_ways["attention"]
    assert (both.image.tolist(), both.words.tolist()) == (visual.image.tolist(), textual.words.tolist())
    assert both.reason is None


@pytest.mark.parametrize("preset", ["default", "paper"])
@pytest.mark.parametrize("space", ["visual", "textual"])
def test_integrated_gradients_of_a_side_sum_to_what_it_adds_to_the_mean(
    preset: str, space: str, pictures: list[Path], explain: Explain
) -> None:
    model = built(features_of(pictures, TEXTS, Quarters(), Letters()), preset)
    first = features_of(pictures[:1], TEXTS[:1], Quarters(), Letters())
    pair = TracedPair.of(model, (first.images, Quarters()), (first.texts, Letters()))
    found = explain(model, fusing(Linear(0.5))).spaces[model.spaces.index(space)]
    with torch.no_grad():
        mean = float(pair.score(space, "image")(torch.zeros_like(pair.sides["image"].values)[None])[0])
    assert found.ways["integrated"].image.sum() == pytest.approx(found.similarity - mean, abs=5e-3)


def test_every_way_follows_a_fused_similarity_that_is_one_space(pictures: list[Path], explain: Explain) -> None:
    model = built(features_of(pictures, TEXTS, Quarters(), Letters()))
    explanation = explain(model, fusing(Linear(1.0)))
    unit = GALLERY[0].max() - GALLERY[0].min()
    for way in ("gradient", "integrated", "occlusion"):
        alone, both = explanation.spaces[0].ways[way], explanation.fused_ways[way]
        assert both.image == pytest.approx(alone.image / unit, rel=1e-2, abs=1e-5)
        assert both.words == pytest.approx(alone.words / unit, rel=1e-2, abs=1e-5)


def test_a_whole_that_does_not_follow_from_its_parts_is_held_and_this_is_said(
    pictures: list[Path], explain: Explain
) -> None:
    model = built(features_of(pictures, TEXTS, Quarters(), Letters()), "default", "textual.other_parts=false")
    visual, textual = explain(model, fusing(Product()), image=Quarters(sums_parts=False)).spaces
    assert visual.ways["gradient"].image.any()
    assert visual.ways["gradient"].reason == "The whole image vector is not computed from regions and is kept fixed."
    assert textual.ways["gradient"].image.size == 0
    assert textual.ways["gradient"].words.any()
    assert "The textual space compares only the whole image vector, which is not computed from regions." in str(
        textual.ways["gradient"].reason
    )


def test_a_space_without_the_whole_holds_nothing_still(pictures: list[Path], explain: Explain) -> None:
    model = built(features_of(pictures, TEXTS, Quarters(), Letters()), "default", "visual.whole=false")
    visual, _ = explain(model, fusing(Product()), image=Quarters(sums_parts=False)).spaces
    assert visual.ways["gradient"].reason is None


def test_parts_without_places_are_left_out_with_the_reason(pictures: list[Path], explain: Explain) -> None:
    see = Quarters(regions=3)
    model = built(features_of(pictures, TEXTS, see, Letters()))
    explanation = explain(model, fusing(Product()), image=see, text=Letters(telling=False))
    assert (explanation.regions, explanation.words) == ((), ())
    for way in explanation.fused_ways.values():
        assert (way.image.size, way.words.size) == (0, 0)
        assert "got 3 regions. letters cannot say where its parts stand in this text." in str(way.reason)


def test_a_method_of_whole_vectors_has_no_attention_and_is_followed_all_the_same(
    pictures: list[Path], explain: Explain
) -> None:
    model = CCA.fitted(CCA_PRESETS["default"], features_of(pictures, TEXTS, Quarters(), Letters()))
    explanation = explain(model)
    assert explanation.fused == explanation.spaces[0].similarity
    assert explanation.spaces[0].ways["attention"].reason == "The common space does not attend to regions or words."
    for way in ("gradient", "integrated", "occlusion"):
        assert explanation.spaces[0].ways[way].image.shape == (4,)
        assert explanation.fused_ways[way].words == pytest.approx(explanation.spaces[0].ways[way].words)
    assert explanation.as_record()["fusion"] == {"rule": None, "weight": None, "reference": None}


def test_a_side_beside_held_vectors_is_explained_as_within_the_pair(pictures: list[Path]) -> None:
    method, readers, by = built(features_of(pictures, TEXTS, Quarters(), Letters())), READERS, fusing(Product())
    image, texts = pictures[0], TEXTS[:1]
    whole = explain_pair(method, readers, image, texts, fusing=lambda _: by)
    pair = TracedPair.of(method, *zip(encode_pair(readers, image, texts), readers.values(), strict=True))
    held = {side: {space: pair.vectors(space, side)[0] for space in method.spaces} for side in ("image", "text")}
    seen = explain_image(method, readers["image"], image, ("a text", held["text"]), fusing=lambda _: by)
    read = explain_texts(method, readers["text"], texts, ("a picture", held["image"]), fusing=lambda _: by)
    assert (seen.held, read.held, whole.held) == ("a text", "a picture", "")
    assert seen.fused == read.fused == pytest.approx(whole.fused, abs=1e-6)
    views = zip(*([*(s.ways for s in e.spaces), e.fused_ways] for e in (whole, seen, read)), strict=True)
    for both, one, other in views:
        for name, way in both.items():
            np.testing.assert_allclose(one[name].image, way.image, atol=1e-5)
            np.testing.assert_allclose(other[name].words, way.words, atol=1e-5)
            assert len(one[name].words) == len(other[name].image) == 0


def test_a_rule_that_only_ranks_fuses_no_lone_pair(pictures: list[Path], explain: Explain) -> None:
    model = built(features_of(pictures, TEXTS, Quarters(), Letters()))
    explanation = explain(model, fusing(ReciprocalRank()))
    assert explanation.fused is None
    assert list(explanation.fused_ways) == ["attention"]
    assert explanation.fusion.reference == "rule ranks items and cannot score a single pair."


def test_a_method_that_does_not_tell_how_it_compares_is_refused(explain: Explain) -> None:
    class Silent:
        spaces, notes, rows_at_once, space_widths = ("common",), (), 1, {"common": 1}

        def takes_parts(self, space: str, modality: str) -> bool:
            return False

        def reads(self, space: str) -> None:
            return None

        def check(self, modality: str, encoded: object) -> None:
            return None

        def embed(self, modality: str, batch: object) -> dict:
            return {}

    with pytest.raises(BadSetting, match="Silent does not support explanations"):
        explain(Silent())


def test_several_texts_are_one_item_and_a_line_break_parts_them(pictures: list[Path]) -> None:
    model = built(features_of(pictures, TEXTS, Quarters(), Letters()))
    explanation = explain_pair(model, READERS, pictures[0], TEXTS[:2], fusing=lambda pair: fusing(Product()))
    assert explanation.text == "a red square\nblue discs, two of them"
    assert [explanation.text[word.start : word.end] for word in explanation.words] == [
        w.text for w in explanation.words
    ]
    assert len(explanation.words) == 8
    assert explanation.fused_ways["occlusion"].words.shape == (8,)


def test_a_record_is_json_with_one_number_a_place(pictures: list[Path], explain: Explain) -> None:
    record = explain(built(features_of(pictures, TEXTS, Quarters(), Letters())), fusing(Product())).as_record()
    assert json.loads(json.dumps(record)) == record
    assert record["image"]["regions"][0] == {"left": 0.0, "top": 0.0, "right": 15.0, "bottom": 10.0}
    assert [space["name"] for space in record["spaces"]] == ["visual", "textual"]
    assert record["spaces"][0]["ways"].keys() == {"attention", "gradient", "integrated", "occlusion"}
    assert len(record["fused_ways"]["occlusion"]["image"]) == 4
    assert len(record["fused_ways"]["occlusion"]["words"]) == 3


@pytest.mark.parametrize("name", ["why.gif", "why"])
def test_a_file_of_another_kind_is_refused(name: str, pictures: list[Path], explain: Explain) -> None:
    model = built(features_of(pictures, TEXTS, Quarters(), Letters()))
    with pytest.raises(BadSetting, match=r"saved as \.html, \.png, .* or \.pdf; got .* in '"):
        explain(model, fusing(Product())).save(pictures[0].parent / name)
