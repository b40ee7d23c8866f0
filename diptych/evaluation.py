"""Evaluate embedded pictures and texts: both directions, every space and their fusion."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from typing_extensions import override

from diptych.data.features import Features
from diptych.drawing.sheet import save_figure
from diptych.drawing.shown import Shown
from diptych.entrance import checks_arguments
from diptych.files import write_json, written_atomically
from diptych.fusion import ROOM as FUSION
from diptych.fusion.choosing import choose_rule
from diptych.fusion.contract import FusionRule
from diptych.fusion.record import ChosenRule, FusionRecord
from diptych.measures.chance import chance_map
from diptych.measures.direction_scores import Scores, score_direction
from diptych.measures.folds import Fold, folds_of, joined
from diptych.measures.judgements import Judgements
from diptych.measures.partners import RECALL_RANKS, recall_at
from diptych.measures.ranking import mean_over_judged
from diptych.methods.contract import Method
from diptych.methods.embeddings import PairEmbeddings, embed_pairs
from diptych.relevance import Relevant

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DIRECTIONS = ("image_to_text", "text_to_image")
Spaces = Mapping[str, PairEmbeddings]


@dataclass(frozen=True)
class Evaluation(Shown):
    """The scores of each query, by space (and `fused`) and direction, with a description of the evaluation."""

    scores: Mapping[str, Mapping[str, Scores]]
    """By space, then by direction."""
    header: Mapping[str, Any]
    """Method, preset, data, split, split_seed, items, fusion, notes."""
    chance: float
    """Expected MAP of a random ranking, averaged over both directions."""

    def average_map(self, space: str = "fused") -> float:
        """Return a space's MAP, averaged over both directions."""
        return average_map(self.scores[space])

    def recall_sum(self, space: str = "fused") -> float | None:
        """Return a space's sum of the six recalls; None if no query has a partner."""
        total = recall_sum(self.scores[space])
        return None if np.isnan(total) else total

    def as_dict(self) -> dict[str, Any]:
        """Return the metrics as one JSON-able object, for each space and the fusion."""
        fused = {direction: self.scores["fused"][direction].summary() for direction in DIRECTIONS}
        spaces = {
            name: {f"{d}_map": scores[d].summary()["map"] for d in DIRECTIONS} | {"average_map": average_map(scores)}
            for name, scores in self.scores.items()
            if name != "fused"
        }
        return {
            **self.header,
            **fused,
            "average_map": self.average_map(),
            "recall_sum": self.recall_sum(),
            "spaces": spaces,
            "chance_map": self.chance,
        }

    @checks_arguments
    def save(self, folder: str | Path) -> None:
        """Write the metrics, every query's scores and a plot of the precision-recall curves to a folder."""
        folder = Path(folder)
        write_json(folder / "evaluation.json", self.as_dict())
        arrays = {
            f"{space}/{direction}/{field}": value
            for space, directions in self.scores.items()
            for direction, scores in directions.items()
            for field, value in vars(scores).items()
        }
        with written_atomically(folder / "queries.npz") as temporary:
            np.savez_compressed(temporary, **arrays)
        save_figure(self.plot(), folder / "precision-recall.png")

    @override
    def records(self) -> list[dict[str, Any]]:
        return [
            {"space": space, "direction": direction.replace("_", " "), **scores.summary()}
            for space, directions in self.scores.items()
            for direction, scores in directions.items()
        ]

    @override
    def plot(self) -> "Figure":
        from diptych.drawing.curves import precision_recall

        return precision_recall(
            {
                f"{direction.replace('_', ' ')}, {space}": scores.mean_curve()
                for space, directions in self.scores.items()
                for direction, scores in directions.items()
            }
        )


def evaluate(
    spaces: Spaces, features: Features, rule: FusionRule, *, header: Mapping[str, Any], folds: int = 1
) -> Evaluation:
    """Evaluate embedded features in each space and, with two spaces, under their fusion.

    With several `folds` each query is compared with its own fold alone (`diptych.measures.folds`).
    """
    parts = folds_of(features.owner, pictures=len(features.images), count=folds)
    found = [_evaluated(spaces, _judgements_in(features, part), part, rule) for part in parts]
    sides = {"image_to_text": ("pictures", "texts"), "text_to_image": ("texts", "pictures")}
    scores = {
        space: {
            direction: joined(
                [own[space][direction] for own, _ in found],
                *([getattr(part, side) for part in parts] for side in sides[direction]),
            )
            for direction in DIRECTIONS
        }
        for space in found[0][0]
    }
    return Evaluation(scores, header, fmean(chance for _, chance in found))


def _evaluated(
    spaces: Spaces, judgements: Judgements, fold: Fold, rule: FusionRule
) -> tuple[dict[str, dict[str, Scores]], float]:
    """Return the scores of a fold in each space and fused, and the MAP of a random ranking."""
    own = {name: each.take(images=fold.pictures, texts=fold.texts) for name, each in spaces.items()}
    scores = {name: _both_directions({name: each}, rule, judgements) for name, each in own.items()}
    scores["fused"] = _both_directions(own, rule, judgements) if len(own) > 1 else next(iter(scores.values()))
    return scores, (chance_map(judgements) + chance_map(judgements.reversed())) / 2


def validation_map(spaces: Spaces, features: Features, rule: FusionRule) -> float:
    """Return the MAP of the fused similarity, averaged over both directions."""
    return average_map(_both_directions(spaces, rule, judgements_of(features)))


@dataclass(frozen=True)
class Validation:
    """Evaluates a model during training on held-out items under one fusion rule."""

    features: Features
    """Features of the validation split, with categories."""
    rule: FusionRule

    @property
    def relevant(self) -> Relevant:
        """What counts as right."""
        return self.features.relevant

    def validate(self, model: Method) -> float:
        """Return the metric of the fused similarity."""
        return metric(self.scores(model), self.relevant)

    def scores(self, model: Method) -> dict[str, Scores]:
        """Return the scores of each query under the fused similarity, by direction."""
        return _both_directions(embed_pairs(model, self.features), self.rule, judgements_of(self.features))

    def choose_fusion(self, model: Method) -> dict[str, ChosenRule]:
        """Return the best weight of every fusion rule."""
        return choose_rules(embed_pairs(model, self.features), self.features)


def choose_rules(spaces: Spaces, features: Features) -> dict[str, ChosenRule]:
    """Return the best weight of every fusion rule on these validation features, with its MAP.

    With a single space there is nothing to fuse, and the result is empty.
    """
    if len(spaces) < 2:
        return {}
    visual, textual = (spaces[name].similarity() for name in ("visual", "textual"))
    judgements = judgements_of(features)

    def score(image_to_text: Float[np.ndarray, "n m"], text_to_image: Float[np.ndarray, "m n"]) -> float:
        both = (lambda a, b: image_to_text[a:b], lambda a, b: text_to_image[a:b])
        return metric(scored(both, judgements), features.relevant)

    rules = {name: choose_rule(name, visual, textual, score=score) for name in FUSION.names()}
    return {
        name: ChosenRule(getattr(rule, "weight", None), validation_map(spaces, features, rule))
        for name, rule in rules.items()
    }


def open_rule(name: str, *, weight: float | None = None) -> FusionRule:
    """Return the fusion rule of that name, with the given weight if it has one."""
    kind = FUSION.open(name).Rule
    rule: FusionRule = kind() if weight is None else kind(weight=weight)
    return rule


def chosen_rule(fusion: FusionRecord, name: str | None = None) -> FusionRule:
    """Return a fusion rule with its weight chosen on validation data; by default the run's own rule."""
    chosen = name or fusion.rule
    return open_rule(chosen, weight=fusion.weight(chosen))


def judgements_of(features: Features) -> Judgements:
    """Return the relevance judgements of image-to-text retrieval for these features."""
    return _judgements_in(features, *folds_of(features.owner, pictures=len(features.images), count=1))


def _judgements_in(features: Features, fold: Fold) -> Judgements:
    labels = None if features.relevant == "partner" or features.labels is None else features.labels[fold.pictures]
    texts = None if labels is None else labels[fold.owner]
    return Judgements(np.arange(len(fold.pictures)), fold.owner, labels, texts)


def average_map(directions: Mapping[str, Scores]) -> float:
    """Return the MAP averaged over both directions."""
    return float(np.mean([mean_over_judged(directions[direction].ap) for direction in DIRECTIONS]))


def recall_sum(directions: Mapping[str, Scores]) -> float:
    """Return the sum of R@1, R@5 and R@10 over both directions, from 0 to 6."""
    return float(sum(recall_at(directions[direction].rank, k=k) for direction in DIRECTIONS for k in RECALL_RANKS))


def metric(directions: Mapping[str, Scores], relevant: Relevant) -> float:
    """Return MAP (`category`), the mean of the six recalls (`partner`) or the mean of these two (`both`)."""
    mean_recall = recall_sum(directions) / (len(DIRECTIONS) * len(RECALL_RANKS))
    if relevant == "both":
        return (average_map(directions) + mean_recall) / 2
    return mean_recall if relevant == "partner" else average_map(directions)


def fused_rows(spaces: Spaces, rule: FusionRule, *, queries: str) -> Callable[[int, int], Float[np.ndarray, "b g"]]:
    """Return a function from a range of queries to their fused similarities with the whole gallery.

    With a single space, these are its similarities. Rules that need all queries are computed at once, others by block.
    """
    sides = {name: (p.images, p.texts) if queries == "image" else (p.texts, p.images) for name, p in spaces.items()}

    def rows(start: int, stop: int) -> Float[np.ndarray, "b g"]:
        blocks = [own[start:stop] @ gallery.T for own, gallery in sides.values()]
        return blocks[0] if len(blocks) == 1 else rule.fuse(blocks[0], blocks[1], queries=queries)  # type: ignore[arg-type]

    if len(spaces) > 1 and "queries" in rule.needs:
        whole = rows(0, len(next(iter(sides.values()))[0]))
        return lambda start, stop: whole[start:stop]
    return rows


def _both_directions(spaces: Spaces, rule: FusionRule, judgements: Judgements) -> dict[str, Scores]:
    return scored(tuple(fused_rows(spaces, rule, queries=q) for q in ("image", "text")), judgements)


def scored(
    similarities: tuple[Callable[[int, int], Float[np.ndarray, "b g"]], ...], judgements: Judgements
) -> dict[str, Scores]:
    """Return the scores of each query in both directions, from functions that give blocks of similarities."""
    pairs = zip(DIRECTIONS, similarities, (judgements, judgements.reversed()), strict=True)
    return {direction: score_direction(similarity, judged) for direction, similarity, judged in pairs}
