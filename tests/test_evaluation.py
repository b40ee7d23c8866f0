import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from diptych.data.features import Encoded, Features
from diptych.errors import UnknownName
from diptych.evaluation import (
    Validation,
    average_map,
    choose_rules,
    chosen_rule,
    evaluate,
    fused_rows,
    judgements_of,
    metric,
    open_rule,
    recall_sum,
    validation_map,
)
from diptych.fusion import ROOM as FUSION
from diptych.fusion.choosing import GRID, fuse_both
from diptych.fusion.record import ChosenRule, FusionRecord
from diptych.measures.direction_scores import score_matrix
from diptych.methods.batches import FeatureBatch
from diptych.methods.contract import Embedding
from diptych.methods.embeddings import PairEmbeddings

CLASSES = 3


def placed(seed: int, *, images: int, texts: int) -> PairEmbeddings:
    random = np.random.default_rng(seed)
    return PairEmbeddings(*(random.standard_normal((n, 4)).astype(np.float32) for n in (images, texts)))


def described(*, images: int, texts: int, labels: bool = True) -> Features:
    """Return features of which only owners and labels matter."""
    owner = np.sort(np.arange(texts) % images)
    table = np.eye(CLASSES, dtype=bool)[np.arange(images) % CLASSES] if labels else None
    wholes = (Encoded(np.zeros((n, 1), dtype=np.float32)) for n in (images, texts))
    return Features(*wholes, owner, table, tuple(f"p{k}" for k in range(images)))


@pytest.fixture
def spaces() -> dict[str, PairEmbeddings]:
    return {"visual": placed(0, images=9, texts=14), "textual": placed(1, images=9, texts=14)}


@pytest.fixture
def features() -> Features:
    return described(images=9, texts=14)


@pytest.mark.parametrize("name", FUSION.names())
@pytest.mark.parametrize("queries", ["image", "text"])
def test_fusing_by_blocks_is_fusing_the_whole(name: str, queries: str, spaces: dict[str, PairEmbeddings]) -> None:
    rule = open_rule(name)
    visual, textual = (spaces[space].similarity() for space in ("visual", "textual"))
    whole = fuse_both(rule, visual, textual)[queries == "text"]
    rows = fused_rows(spaces, rule, queries=queries)
    blocks = np.concatenate([rows(start, min(start + 4, len(whole))) for start in range(0, len(whole), 4)])
    np.testing.assert_allclose(blocks, whole, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("queries", ["image", "text"])
def test_one_space_is_its_own_fusion(queries: str, spaces: dict[str, PairEmbeddings]) -> None:
    own = spaces["textual"].similarity()
    rows = fused_rows({"textual": spaces["textual"]}, open_rule("released"), queries=queries)
    np.testing.assert_allclose(rows(2, 5), (own if queries == "image" else own.T)[2:5], rtol=1e-6)


def test_an_evaluation_scores_every_space_and_the_fusion_in_both_directions(
    spaces: dict[str, PairEmbeddings], features: Features
) -> None:
    evaluation = evaluate(spaces, features, open_rule("linear"), header={})
    assert list(evaluation.scores) == ["visual", "textual", "fused"]
    judgements = judgements_of(features)
    fused = fuse_both(open_rule("linear"), *(spaces[name].similarity() for name in ("visual", "textual")))
    for direction, similarity, judged in zip(
        ("image_to_text", "text_to_image"), fused, (judgements, judgements.reversed()), strict=True
    ):
        twin = score_matrix(similarity, judged)
        np.testing.assert_allclose(evaluation.scores["fused"][direction].ap, twin.ap)
    assert evaluation.average_map() == pytest.approx(validation_map(spaces, features, open_rule("linear")))


def test_an_average_is_the_mean_of_both_directions(spaces: dict[str, PairEmbeddings], features: Features) -> None:
    scores = evaluate(spaces, features, open_rule("product"), header={}).scores["visual"]
    maps = [scores[direction].summary()["map"] for direction in ("image_to_text", "text_to_image")]
    assert average_map(scores) == pytest.approx(sum(figure or 0 for figure in maps) / 2)


def test_the_metric_is_the_map_the_mean_recall_or_their_mean(
    spaces: dict[str, PairEmbeddings], features: Features
) -> None:
    directions = evaluate(spaces, features, open_rule("product"), header={}).scores["fused"]
    recalls = [float(np.mean(scores.rank <= k)) for scores in directions.values() for k in (1, 5, 10)]
    assert recall_sum(directions) == pytest.approx(sum(recalls))
    assert metric(directions, "category") == average_map(directions)
    assert metric(directions, "partner") == pytest.approx(np.mean(recalls))
    assert metric(directions, "both") == pytest.approx((average_map(directions) + np.mean(recalls)) / 2)


def test_by_partner_categories_are_not_relevant(features: Features) -> None:
    judged = judgements_of(replace(features, relevant="partner"))
    assert (judged.relevant(0, 9) == judged.partners(0, 9)).all()
    assert (judgements_of(features).relevant(0, 9) != judged.partners(0, 9)).any()


def test_fusion_weights_follow_what_counts_as_right(spaces: dict[str, PairEmbeddings], features: Features) -> None:
    by_partner = replace(features, relevant="partner")
    rules = {weight: open_rule("linear", weight=weight) for weight in GRID}
    tried = {
        weight: metric(evaluate(spaces, by_partner, rule, header={}).scores["fused"], "partner")
        for weight, rule in rules.items()
    }
    weight = choose_rules(spaces, by_partner)["linear"].weight
    assert weight is not None
    assert tried[weight] == max(tried.values())


def test_a_picture_finds_each_of_its_texts_and_every_text_its_picture(features: Features) -> None:
    vectors = np.eye(9, dtype=np.float32)
    perfect = {"visual": PairEmbeddings(vectors, vectors[features.owner])}
    figures = evaluate(perfect, described(images=9, texts=14, labels=False), open_rule("product"), header={})
    assert figures.average_map() == 1
    assert figures.as_dict()["text_to_image"]["r@1"] == 1
    assert len(figures.scores["fused"]["image_to_text"]) == 9
    assert len(figures.scores["fused"]["text_to_image"]) == 14


def test_with_one_space_the_fused_figures_are_its_own(spaces: dict[str, PairEmbeddings], features: Features) -> None:
    figures = evaluate({"textual": spaces["textual"]}, features, open_rule("rrf"), header={}).as_dict()
    assert list(figures["spaces"]) == ["textual"]
    assert figures["spaces"]["textual"]["average_map"] == figures["average_map"]


def test_without_categories_partners_are_the_right_answers(spaces: dict[str, PairEmbeddings]) -> None:
    few = evaluate(spaces, described(images=9, texts=14, labels=False), open_rule("product"), header={})
    many = evaluate(spaces, described(images=9, texts=14), open_rule("product"), header={})
    assert few.chance < many.chance
    assert few.average_map() < many.average_map()


def test_the_object_has_the_header_and_the_figures_and_is_json(
    spaces: dict[str, PairEmbeddings], features: Features
) -> None:
    figures = evaluate(spaces, features, open_rule("product"), header={"method": "mcsm"}).as_dict()
    assert list(figures) == [
        "method", "image_to_text", "text_to_image", "average_map", "recall_sum", "spaces", "chance_map",
    ]  # fmt: skip
    assert list(figures["image_to_text"]) == [
        "map", "map@50", "p@10", "ndcg@10", "r@1", "r@5", "r@10", "median_rank",
    ]  # fmt: skip
    assert list(figures["spaces"]["visual"]) == ["image_to_text_map", "text_to_image_map", "average_map"]
    assert json.loads(json.dumps(figures)) == figures


def test_saving_leaves_the_figures_every_query_and_a_picture(
    spaces: dict[str, PairEmbeddings], features: Features, tmp_path: Path
) -> None:
    evaluation = evaluate(spaces, features, open_rule("product"), header={"method": "mcsm"})
    evaluation.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"evaluation.json", "queries.npz", "precision-recall.png"}
    assert json.loads((tmp_path / "evaluation.json").read_text()) == evaluation.as_dict()
    with np.load(tmp_path / "queries.npz", allow_pickle=False) as arrays:
        assert len(arrays) == 3 * 2 * 8
        assert arrays["fused/text_to_image/ap"].mean() == pytest.approx(evaluation.as_dict()["text_to_image"]["map"])
        assert arrays["visual/image_to_text/first"].shape == (9, 10)


def test_every_rule_gets_the_best_of_the_weights_and_those_without_none(
    spaces: dict[str, PairEmbeddings], features: Features
) -> None:
    chosen = choose_rules(spaces, features)
    assert chosen.keys() == set(FUSION.names())
    assert chosen["product"].weight is None
    tried = {weight: validation_map(spaces, features, open_rule("linear", weight=weight)) for weight in GRID}
    assert chosen["linear"].validation_map == pytest.approx(max(tried.values()))
    assert tried[chosen["linear"].weight or 0.0] == max(tried.values())


def test_one_space_leaves_nothing_to_choose(spaces: dict[str, PairEmbeddings], features: Features) -> None:
    assert choose_rules({"visual": spaces["visual"]}, features) == {}


class Still:
    """A model that embeds whatever it is given as the vectors that it was made of."""

    notes = ()
    rows_at_once = 1000

    def __init__(self, spaces: Mapping[str, PairEmbeddings]) -> None:
        self.spaces, self.pairs = tuple(spaces), spaces
        self.space_widths = {name: pair.images.shape[1] for name, pair in spaces.items()}

    def takes_parts(self, space: str, modality: str) -> bool:
        return False

    def reads(self, space: str) -> None:
        return

    def check(self, modality: str, encoded: Encoded) -> None:
        return

    def embed(self, modality: str, batch: FeatureBatch) -> dict[str, Embedding]:
        sides = {name: pair.images if modality == "image" else pair.texts for name, pair in self.pairs.items()}
        return {name: Embedding(torch.from_numpy(vectors)) for name, vectors in sides.items()}


def test_a_validation_judges_by_its_rule_and_chooses_among_all(
    spaces: dict[str, PairEmbeddings], features: Features
) -> None:
    validation, model = Validation(features, open_rule("linear", weight=0.2)), Still(spaces)
    assert validation.validate(model) == validation_map(spaces, features, validation.rule)
    assert validation.choose_fusion(model) == choose_rules(spaces, features)


def test_a_run_s_rule_has_its_chosen_weight_by_default_and_others_theirs() -> None:
    record = FusionRecord("linear", "val", {"linear": ChosenRule(0.3, 0.5), "product": ChosenRule(None, 0.4)})
    assert chosen_rule(record).weight == 0.3  # type: ignore[attr-defined]
    assert type(chosen_rule(record, "product")) is type(open_rule("product"))
    assert chosen_rule(record, "geometric").weight == 0.5  # type: ignore[attr-defined]


def test_a_rule_is_opened_by_name_with_its_weight() -> None:
    assert open_rule("linear", weight=0.25).weight == 0.25  # type: ignore[attr-defined]
    with pytest.raises(UnknownName, match=r"fusion has no entry 'linaer'. Did you mean 'linear'\?"):
        open_rule("linaer")


def test_figures_do_not_depend_on_the_order_of_the_pairs(spaces: dict[str, PairEmbeddings]) -> None:
    features = described(images=9, texts=9)
    turned = np.arange(9)[::-1]
    moved = Features(
        features.images.take(turned),
        features.texts.take(turned),
        features.owner,
        None if features.labels is None else features.labels[turned],
        features.ids,
    )
    own = {name: space.take(images=range(9), texts=range(9)) for name, space in spaces.items()}
    other = {name: space.take(images=turned, texts=turned) for name, space in own.items()}
    assert validation_map(own, features, open_rule("product")) == pytest.approx(
        validation_map(other, moved, open_rule("product"))
    )
