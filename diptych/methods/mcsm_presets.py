"""MCSM's settings and its presets, line by line against the paper and the authors' released code.

    setting                    paper                     released                      default
    LSTM                       trained                   frozen at its random start    none
    attention, visual          W_a                       W_a                           W_a
    attention, textual         W_a                       no W_a                        W_a
    negatives                  mean of other classes     any of the batch              all of the batch
    positives, textual space   partner                   a random class-mate           partner and class-mates
    fusion                     product, no free weight   swept weight, by image rows   product
    loss                       margin .5                 margin .5                     contrastive, classification
    parts of the projected     none                      none                          attended
    pairs                      as they are               as they are                   mixed
    fragments of words         three convolutions        three convolutions            none: words are read
    padding                    left out                  attended                      left out
    picture in textual space   linear                    sigmoid of linear             linear
    similarity                 cosine                    cosine                        cosine
    optimiser                  RMSprop 1e-4, batch 40    RMSprop 1e-4, batch 40        AdamW, one cycle
    weights kept               best on validation        last                          last

`paper-scaled` is `paper` on whole vectors and regions scaled as for the rivals, where the paper gives none.

Where the paper is silent `paper` follows the released code, but for three things: it clips gradients; it takes the mean
of the margin loss over all items of other classes in the batch, which is the expectation of the paper's one negative
drawn at random, without the noise of the draw (`loss.negatives=other-class` draws); and it ends when three epochs have
not improved validation, where the authors run 10,000 steps (the 500 epochs of `released` are as many on 800 pairs).

Where the very partner is right (`--relevant partner`), `PARTNER` replaces `default`: eight attention heads, InfoNCE
over partners alone with a learnt temperature and without mixing, wider spaces and batches.

`end-to-end` is either of them with an image network whose last blocks learn, as the paper has its networks do.

Ours in every other preset are the encoders (the paper's VGG-19 is `vgg19:PATH`; all are frozen, as in the authors'
code), a validation split, and the fusion weight of `released`, which the authors sweep on the test set and we on
validation. Two traits of their code are left out: it divides the visual space's loss by the square of the batch size,
which RMSprop undoes, and its convolutions shorten a text and see its padding, where ours keep its length and a fragment
of padding alone is zero.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from diptych.errors import BadSetting
from diptych.methods.closed_start import StartConfig
from diptych.methods.inputs import InputConfig
from diptych.methods.module import MethodConfig, TuneConfig
from diptych.methods.recipe import Recipe
from diptych.methods.spaces import SpaceConfig


@dataclass(frozen=True)
class LossConfig:
    """Weights and settings of the losses; a weight of 0 disables a loss."""

    margin: float = 0.0
    """Weight of the paper's bidirectional margin loss."""
    margin_size: float = 0.5
    """The margin between a match and a mismatch."""
    negatives: Literal["expected", "other-class", "uniform", "hardest"] = "other-class"
    """`other-class` draws one negative per anchor among mismatches; `uniform` draws any item of the batch, the anchor
    included; `expected` takes the mean over all mismatches, the expectation of `other-class`; `hardest` takes the most
    similar mismatch (Faghri et al., BMVC 2018)."""
    textual_positives: Literal["partner", "class-mate"] = "partner"
    """A text's positive picture in the textual space: its own, or a random one of its category from the whole training
    set, which then takes its own one's place among the negatives too."""
    contrastive: float = 0.0
    """Weight of the label-aware contrastive loss over the whole batch."""
    partner: float = 0.0
    """Weight of the contrastive loss in which only a pair's partner matches: it separates class-mates."""
    temperature: float = 0.1
    """Temperature of both contrastive losses."""
    learn_temperature: bool = False
    """Learn a temperature for each space, from this one on, as CLIP does."""
    classification: float = 0.0
    """Weight of the category loss on both sides' vectors."""
    smoothing: float = 0.0
    """Share of the target spread over all categories."""
    mixup: bool = False
    """Mix every pair of a batch with another one, at a random ratio (`diptych.methods.mixing`)."""
    sharpness: float = 16.0
    """Factor on the unit vectors before the category heads."""

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise BadSetting(f"loss.temperature must be above 0; got {self.temperature}.")
        if self.textual_positives == "class-mate" and self.partner:
            raise BadSetting(
                "loss.partner matches a text with its own picture, which loss.textual_positives=class-mate replaces. "
                "Set loss.partner=0 or loss.textual_positives=partner."
            )
        if self.mixup and self.margin:
            raise BadSetting(
                "loss.mixup makes pairs that match in part, which the margin loss cannot judge. "
                "Set loss.margin=0 or loss.mixup=false."
            )
        if not 0 <= self.smoothing <= 1:
            raise BadSetting(f"loss.smoothing must lie between 0 and 1; got {self.smoothing}.")


@dataclass(frozen=True)
class MCSMConfig(MethodConfig):
    """Settings of MCSM."""

    visual: SpaceConfig = field(default_factory=SpaceConfig)
    """The space that reads regions."""
    textual: SpaceConfig = field(default_factory=SpaceConfig)
    """The space that reads words."""
    image: InputConfig = field(default_factory=InputConfig)
    """Scaling of picture features."""
    text: InputConfig = field(default_factory=InputConfig)
    """Scaling of text features."""
    start: StartConfig = field(default_factory=StartConfig)
    """Where the projections of whole vectors begin."""
    loss: LossConfig = field(default_factory=LossConfig)
    """The losses."""
    fusion: str = "product"
    """The fusion rule of the two spaces: a name in `diptych.fusion`."""
    training: Recipe = field(default_factory=Recipe)
    """Training recipe."""


RELEASED_STAGES = ((384, 15, 5), (512, 9, 5), (256, 7, 6))
"""Channels, kernel and pool of the authors' convolutions: made for articles of 2,904 words, 150 words a fragment."""
PAPER_STAGES = ((384, 15, 2), (512, 9, 2), (256, 7, 1))
"""The same with smaller pools, 4 words a fragment: a caption of 50 words would be a single fragment otherwise."""

PAPER = MCSMConfig(
    visual=SpaceConfig(width=4096, reduce=0, hidden=512, layers=2, bidirectional=False, whole=False),
    textual=SpaceConfig(
        width=4096,
        reduce=0,
        longest=2904,
        fragments=PAPER_STAGES,
        hidden=256,
        layers=2,
        bidirectional=False,
        whole=False,
    ),
    loss=LossConfig(margin=1.0, negatives="expected"),
    training=Recipe(epochs=20, batch=40, optimiser="rmsprop", learning_rate=1e-4, schedule="constant", patience=3),
)

RELEASED = MCSMConfig(
    visual=SpaceConfig(
        width=4096,
        reduce=0,
        recurrence="frozen",
        hidden=512,
        layers=2,
        bidirectional=False,
        whole=False,
        attend_padding=True,
    ),
    textual=SpaceConfig(
        width=4096,
        reduce=0,
        longest=2904,
        fragments=RELEASED_STAGES,
        recurrence="frozen",
        hidden=256,
        layers=2,
        bidirectional=False,
        attention="plain",
        whole=False,
        squash=True,
        attend_padding=True,
        padded=2904,
    ),
    loss=LossConfig(margin=1.0, negatives="uniform", textual_positives="class-mate"),
    fusion="released",
    training=Recipe(
        epochs=500, batch=40, optimiser="rmsprop", learning_rate=1e-4, schedule="constant", clip=0.0, keep="last"
    ),
)

CATEGORY_SPACE = SpaceConfig(
    width=256,
    recurrence="none",
    heads=4,
    lift_scale=0.1,
    other_parts=True,
    dropout=0.0,
    part_dropout=0.5,
    input_dropout=0.7,
    input_dropout_pairs=800,
)
DEFAULT = MCSMConfig(
    visual=CATEGORY_SPACE,
    textual=CATEGORY_SPACE,
    image=InputConfig(power=0.5, centre=True),
    text=InputConfig(centre=True),
    start=StartConfig(scale=0.1),
    loss=LossConfig(contrastive=1.0, partner=0.1, temperature=0.15, classification=1.0, mixup=True),
    training=Recipe(epochs=24, keep="last"),
)

PARTNER_SPACE = SpaceConfig(
    recurrence="none",
    heads=8,
    lift_scale=0.1,
    other_parts=True,
    dropout=0.0,
    part_dropout=0.5,
    input_dropout=0.4,
)
PARTNER = MCSMConfig(
    visual=PARTNER_SPACE,
    textual=replace(PARTNER_SPACE, reduce=384),
    image=InputConfig(power=0.5, centre=True),
    text=InputConfig(centre=True),
    loss=LossConfig(partner=1.0, temperature=0.07, learn_temperature=True),
    training=Recipe(epochs=8, min_steps=80, batch=400, keep="last"),
)
"""`default` where the very partner is right."""

PAPER_SCALED = replace(PAPER, image=InputConfig(power=0.5, centre=True), text=InputConfig(centre=True))
"""`paper` on inputs scaled as for the rivals."""

END_TO_END = replace(DEFAULT, tune=TuneConfig(image=4, crop=0.7))
"""`default`, with an image network whose last blocks learn."""
PARTNER_END_TO_END = replace(PARTNER, tune=TuneConfig(image=4, crop=0.7))

PRESETS = {
    "paper": PAPER,
    "paper-scaled": PAPER_SCALED,
    "released": RELEASED,
    "default": DEFAULT,
    "end-to-end": END_TO_END,
}
PARTNER_PRESETS = {"default": PARTNER, "end-to-end": PARTNER_END_TO_END}

SEARCH = {
    "training.epochs": (24, 48, 96),
    "training.learning_rate": (5e-4, 1e-3, 2e-3),
    "loss.temperature": (0.1, 0.15, 0.2),
    "visual.input_dropout": (0.5, 0.7),
    "textual.input_dropout": (0.5, 0.7),
}
"""Values that a hyperparameter search on validation data tries around the preset."""
