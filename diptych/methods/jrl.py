"""JRL: joint representation learning with sparse and semi-supervised regularisation.

Objective: one projection P_m per modality into the space of the categories L (n, c), all terms at once:

    min   sum_m { s tr(P_m' X_m' Lap_m X_m P_m) + mu ||X_m P_m - L||^2 + g ||P_m||_{2,1} } + l ||X_1 P_1 - X_2 P_2||^2

where Lap_m is the normalised Laplacian of a modality's graph of k nearest neighbours (its rows may hold unlabelled
items too), ||P||_{2,1} the sum of the lengths of its rows, and X_1, X_2 stand pair by pair in the last term. Here s is
`smoothness`, mu `labels`, g `sparsity`, l `pairs` and k `neighbours`. The embeddings are X_m P_m, compared by cosine,
or the distribution of categories among the nearest training items, compared by inner product (`scoring=votes`).

Paper: Zhai, Peng & Xiao, Learning Cross-Media Joint Representation With Sparse and Semisupervised Regularization, IEEE
Transactions on Circuits and Systems for Video Technology 24(6):965-978, 2014.
Differs: the original is transductive, its graphs hold the test items; here only the preset `transductive` is, and its
models say so in their notes. Both projections are solved together, where the authors' code takes turns: it is the same
convex problem with the same minimum. That code stops after five sweeps, long before the rows that g=1000 takes out have
vanished, and so do we (`sweeps`); projections are then scaled so that their largest entry is 1, which neither cosines
nor neighbours notice. The authors' g=s=1000 takes nearly every row out at unit variance: `paper` keeps it, with their
z-scores and votes; the weights of `default` are chosen on validation data.

Our reading: the graph joins two items where either is among the other's nearest, with the weight 1 (the authors' code
computes this graph, but then takes the Laplacian of the full matrix of sigmoids of distances); votes weigh alike, where
it weighs them by a sigmoid of distances that are all near 0 with its settings; an item of several categories shares its
vote among them.
"""

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import embedding_bag, normalize

from diptych.data.features import Features
from diptych.errors import BadSetting, MissingData
from diptych.maths.graphs import neighbour_laplacian
from diptych.maths.regression import group_sparse_regression, relative
from diptych.methods import inputs
from diptych.methods.categories import labels_of
from diptych.methods.inputs import InputConfig
from diptych.methods.module import MethodConfig, SideInformation
from diptych.methods.one_space import Projections
from diptych.rooms import Card

CARD = Card(
    title="JRL: joint representations, sparse and smooth on a graph of neighbours",
    paper="Zhai, Peng and Xiao. Learning Cross-Media Joint Representation With Sparse and Semisupervised "
    "Regularization. IEEE Transactions on Circuits and Systems for Video Technology 24(6)",
    year=2014,
    needs=("categories",),
    learns="closed form",
)

Sides = tuple[Float[np.ndarray, "_ d_v"], Float[np.ndarray, "_ d_t"]]
"""Rows of both modalities, images first."""

CHUNK = 512
"""Items whose distances to all voters are held at once."""


@dataclass(frozen=True)
class Config(MethodConfig):
    """Settings of JRL."""

    smoothness: float = 1.0
    """s, the weight of the graphs: neighbours keep similar embeddings."""
    sparsity: float = 30.0
    """g, the weight of the lengths of the projections' rows: a large one eliminates features."""
    labels: float = 1.0
    """mu, the weight of the regression to the categories."""
    pairs: float = 1.0
    """l, the weight of the distance between a picture and its text."""
    neighbours: int = 10
    """k, the number of neighbours in the graphs."""
    sweeps: int = 5
    """Maximum number of reweightings; stopping early also regularises."""
    scoring: Literal["cosine", "votes"] = "cosine"
    """Compare projections, or the categories of their nearest training items."""
    votes: int = 100
    """Number of voting training items, pictures and texts together; if there are no more, all embeddings are equal."""
    transductive: bool = False
    """Include the test items, without their categories, in the graphs, as in the original."""
    image: InputConfig = field(default_factory=lambda: InputConfig(power=0.5, centre=True))
    """Scaling of picture features."""
    text: InputConfig = field(default_factory=lambda: InputConfig(centre=True))
    """Scaling of text features."""

    def __post_init__(self) -> None:
        for name in ("sparsity", "labels", "neighbours", "sweeps", "votes"):
            if not getattr(self, name) > 0:
                raise BadSetting(f"{name} must be above 0; got {getattr(self, name)}. Set it with --set {name}=...")
        for name in ("smoothness", "pairs"):
            if getattr(self, name) < 0:
                raise BadSetting(f"{name} must not be negative; got {getattr(self, name)}. 0 turns it off.")


@dataclass(frozen=True)
class Widths(inputs.Widths):
    """The input widths of a model."""

    voters: int
    """Number of training items, pictures and texts, that may vote."""

    @classmethod
    def of(cls, features: Features) -> "Widths":
        """Return the widths of these training features."""
        plain = inputs.Widths.of(features)
        return cls(plain.image, plain.text, plain.classes, len(features.images) + len(features.texts))


class JRL(Projections):
    """The model: scaled inputs, one projection per modality, and the voters if votes are counted."""

    cosine: ClassVar[bool] = False
    linear: ClassVar[bool] = False

    def __init__(self, config: Config, widths: Widths) -> None:
        super().__init__(config, widths, dimensions=widths.classes)
        self.config = config
        if config.transductive:
            self.notes = ("transductive: learned from the test items' features (not their categories)",)
        voters = widths.voters if config.scoring == "votes" else 0
        self.register_buffer("voters", torch.zeros(voters, widths.classes))
        self.register_buffer("ballots", torch.zeros(voters, widths.classes))

    voters: Tensor
    """The projected training items."""
    ballots: Tensor
    """Their categories, each row summing to 1."""

    @classmethod
    def fitted(cls, config: Config, features: Features) -> "JRL":
        """Return the model solved on these training features alone."""
        return cls.informed(config, features, SideInformation())

    @classmethod
    def informed(cls, config: Config, features: Features, side_information: SideInformation) -> "JRL":
        """Return the model solved on these training features, and on unlabelled ones if it is transductive."""
        labels = labels_of(features, wanted_by="JRL").astype(np.float64)
        model = cls(config, Widths.of(features))
        pairs = model.fit_inputs(features)
        model.keep(*solved(config, pairs, labels, model._graphed(features, side_information.unlabelled)))
        if config.scoring == "votes":
            model._keep_voters(features)
        return model

    def _graphed(self, features: Features, unlabelled: Features | None) -> Sides:
        """Return the scaled rows of the graphs: every picture and text once, unlabelled ones last."""
        sets = [features]
        if self.config.transductive:
            if unlabelled is None:
                raise MissingData(
                    "a transductive JRL also learns from the features of the test items, and got none. Pass them "
                    "as `SideInformation(unlabelled=...)`, or set transductive=false."
                )
            sets.append(unlabelled)
        return (
            np.concatenate([self.inputs.scaled("image", items.images) for items in sets]),
            np.concatenate([self.inputs.scaled("text", items.texts) for items in sets]),
        )

    @torch.inference_mode()
    def _keep_voters(self, features: Features) -> None:
        sides = (("image", features.images), ("text", features.texts))
        projected = [self.project(m, self.inputs(m, torch.from_numpy(side.whole))) for m, side in sides]
        labels = np.concatenate([np.asarray(features.labels), np.asarray(features.text_labels)])
        self.voters.copy_(torch.cat(projected))
        self.ballots.copy_(normalize(torch.from_numpy(labels).float(), p=1, dim=1))

    def project(self, modality: str, whole: Float[Tensor, "b d"]) -> Float[Tensor, "b c"]:
        """Return X P."""
        return super().vectors(modality, whole)

    def vectors(self, modality: str, whole: Float[Tensor, "b d"]) -> Float[Tensor, "b c"]:
        """Return the unit projection, or the share of each category in the votes of its nearest training items."""
        projected = self.project(modality, whole)
        if self.config.scoring == "cosine":
            return normalize(projected, dim=1)
        kept = min(self.config.votes, len(self.voters))
        near = [
            torch.cdist(some, self.voters).topk(kept, largest=False).indices for some in torch.split(projected, CHUNK)
        ]
        return embedding_bag(torch.cat(near), self.ballots, mode="mean")


Model = JRL

PRESETS = {
    "default": Config(),
    "paper": (
        PAPER := Config(
            smoothness=1000.0,
            sparsity=1000.0,
            neighbours=100,
            scoring="votes",
            image=InputConfig(centre=True, each=True),
            text=InputConfig(centre=True, each=True),
        )
    ),
    "transductive": replace(PAPER, transductive=True),
}

SEARCH = {
    "smoothness": (0.0, 1.0, 10.0),
    "sparsity": (10.0, 20.0, 40.0, 100.0),
    "pairs": (0.0, 1.0, 10.0),
    "neighbours": (10, 30),
    "scoring": ("cosine", "votes"),
    "image.power": (0.5, 1.0),
}
"""Values that a hyperparameter search on validation data tries."""


def solved(
    config: Config, pairs: Sides, labels: Float[np.ndarray, "n c"], graphed: Sides
) -> tuple[Float[np.ndarray, "d_v c"], Float[np.ndarray, "d_t c"]]:
    """Return both projections, scaled so that the largest entry is 1.

    With P_1 above P_2 in one matrix P the objective is tr(P'GP) - 2 tr(P'M) + g ||P||_{2,1}, where G has the blocks
    s X_m' Lap_m X_m + (mu + l) X_m'X_m on its diagonal and -l X_1'X_2 beside it, and M = mu [X_1'L; X_2'L].
    """
    images, texts = pairs
    across = -config.pairs * (images.T @ texts)
    of_image, of_text = (
        (config.labels + config.pairs) * (rows.T @ rows) + config.smoothness * _roughness(nodes, config.neighbours)
        for rows, nodes in zip(pairs, graphed, strict=True)
    )
    solution = group_sparse_regression(
        np.block([[of_image, across], [across.T, of_text]]),
        config.labels * np.concatenate([images.T @ labels, texts.T @ labels]),
        penalty=config.sparsity,
        sweeps=config.sweeps,
    )
    projections = relative(solution)
    return projections[: images.shape[1]], projections[images.shape[1] :]


def _roughness(rows: Float[np.ndarray, "n d"], neighbours: int) -> Float[np.ndarray, "d d"]:
    """Return X' Lap X."""
    roughness: Float[np.ndarray, "d d"] = rows.T @ (neighbour_laplacian(rows, count=neighbours) @ rows)
    return roughness
