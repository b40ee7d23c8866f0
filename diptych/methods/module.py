"""The interface of a method module, and opening one by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, cast, runtime_checkable

from diptych.data.concepts import Concepts
from diptych.data.features import Features
from diptych.errors import BadSetting, UnknownName
from diptych.methods import ROOM
from diptych.methods.contract import Method
from diptych.modality import MODALITIES, Modality
from diptych.relevance import Relevant
from diptych.rooms import Card


@dataclass(frozen=True)
class SideInformation:
    """Additional training input of a few methods."""

    concepts: Concepts | None = None
    """The named classes of the image network, for methods whose card needs `concepts`."""
    unlabelled: Features | None = None
    """Items of the test split without their categories, for `transductive` configs."""


@dataclass(frozen=True)
class PosteriorsConfig:
    """The share of the categories' posteriors in a method's similarity."""

    share: float = 0.0
    """Share of the posteriors, from 0 to 1; 0 leaves the method as it is. Needs categories."""
    temperature: float = 1.0
    """Temperature of the posteriors; above 1 the less probable categories count more."""
    strength: float = 1.0
    """C of the logistic regressions, where the method does not name categories itself."""

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise BadSetting(f"posteriors.share must lie between 0 and 1; got {self.share}.")
        for name in ("temperature", "strength"):
            if not getattr(self, name) > 0:
                raise BadSetting(f"posteriors.{name} must be above 0; got {getattr(self, name)}.")


@dataclass(frozen=True)
class TuneConfig:
    """How the image and the text network learn with a method."""

    image: int | Literal["all"] = 0
    """Number of the image network's last blocks that learn; 0 keeps it frozen, `all` reads pixels."""
    text: int | Literal["all"] = 0
    """Number of the text network's last layers that learn; 0 keeps it frozen, `all` reads tokens."""
    rate: float = 0.1
    """Learning rate of the networks, as a share of the method's."""
    fall: float = 1.0
    """Factor on that rate from one block to the one before it."""
    mirror: bool = True
    """Take the mirrored picture half the time."""
    crop: float = 1.0
    """The smallest side of a random crop of a picture's map, as a share; 1 does not crop."""
    sentences: float = 0.0
    """Share of an item's sentences that are left out; one at least stays."""
    words: float = 0.0
    """Share of a sentence's word pieces that are left out; one at least stays."""

    def __post_init__(self) -> None:
        for modality in MODALITIES:
            blocks = getattr(self, modality)
            if blocks != "all" and blocks < 0:
                raise BadSetting(f"tune.{modality} must be a number of blocks or all; got {blocks}. 0 keeps it frozen.")
        for name, zero in (("rate", False), ("fall", False), ("crop", False), ("sentences", True), ("words", True)):
            value = getattr(self, name)
            if not (0 <= value < 1 if zero else 0 < value <= 1):
                least, most = ("at least 0", "below 1") if zero else ("above 0", "at most 1")
                raise BadSetting(f"tune.{name} must be {least} and {most}; got {value}.")

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities whose network learns."""
        return tuple(modality for modality in MODALITIES if getattr(self, modality) != 0)


@dataclass(frozen=True)
class MethodConfig:
    """Base class of the methods' configs, which are frozen dataclasses."""

    posteriors: PosteriorsConfig = field(default_factory=PosteriorsConfig, kw_only=True)
    """Share of the categories' posteriors in the similarity, for any method."""
    tune: TuneConfig = field(default_factory=TuneConfig, kw_only=True)
    """How the encoders learn with a method that learns by gradient."""

    @property
    def fusion(self) -> str:
        """Name of the fusion rule for two spaces."""
        return "product"

    @property
    def transductive(self) -> bool:
        """Whether it learns from the test items' features, without their categories."""
        return False

    @property
    def encoders(self) -> tuple[str, str] | None:
        """Image and text encoder that the method uses in place of the common ones."""
        return None


@runtime_checkable
class ModelClass(Protocol):
    """The class of a method's models: a `torch.nn.Module` constructed as Model(config, widths)."""

    def __call__(self, config: Any, widths: Any, /) -> Method:
        """Return an untrained model of a config and the widths of its features."""
        ...

    def fitted(self, config: Any, features: Features) -> Method:
        """Return a finished model in closed form, or else an initialised model with fitted input scaling."""
        ...


@runtime_checkable
class InformedModelClass(ModelClass, Protocol):
    """The class of models that may need side information, which `informed` receives."""

    def informed(self, config: Any, features: Features, side_information: SideInformation) -> Method:
        """Return the same as `fitted`, with side information."""
        ...


@runtime_checkable
class UntrainedModelClass(ModelClass, Protocol):
    """The class of models that need no training features."""

    def untrained(
        self,
        config: Any,
        names: Mapping[Modality, str],
        width: Callable[[Modality], int],
        side_information: SideInformation | None,
    ) -> Method:
        """Return the model for two encoders, given their names and, on request, their whole vectors' widths."""
        ...


@runtime_checkable
class MethodModule(Protocol):
    """A module in this folder."""

    CARD: Card
    PRESETS: Mapping[str, Any]
    """Named configs, `default` among them."""
    SEARCH: Mapping[str, Sequence[Any]]
    """Values that a hyperparameter search tries, by dotted setting name."""
    __name__: str

    @property
    def Config(self) -> type[Any]:
        """The settings of the method, a frozen dataclass: a `MethodConfig`."""
        ...

    @property
    def Widths(self) -> type[Any]:
        """The input widths of a model, a frozen dataclass of integers."""
        ...

    @property
    def Model(self) -> ModelClass:
        """The class of its models."""
        ...


@runtime_checkable
class PartnerModule(MethodModule, Protocol):
    """A module with other presets for data where the very partner is right."""

    PARTNER_PRESETS: Mapping[str, Any]
    """Configs that replace those of the same names."""


OFFERED = ("CARD", "Config", "PRESETS", "SEARCH", "Widths", "Model")
"""The names that a method module must define."""


def open_method(name: str) -> MethodModule:
    """Return the module of the method called `name`; raise `UnknownName` with the nearest name."""
    module: Any = ROOM.open(name)
    if lacking := [each for each in OFFERED if not hasattr(module, each)]:
        raise BadSetting(f"the method {name} offers no {lacking[0]}. Its file must define {', '.join(OFFERED)}.")
    return cast("MethodModule", module)


def preset_of(module: MethodModule, name: str, relevant: Relevant) -> Any:
    """Return a preset of a method for what counts as right; raise `UnknownName` with the nearest name."""
    if name not in module.PRESETS:
        raise UnknownName.among(
            f"presets of {module.__name__.rpartition('.')[2].replace('_', '-')}", name, module.PRESETS
        )
    if relevant == "partner" and isinstance(module, PartnerModule):
        return module.PARTNER_PRESETS.get(name, module.PRESETS[name])
    return module.PRESETS[name]


def fit(module: MethodModule, config: Any, features: Features, side_information: SideInformation | None) -> Method:
    """Return the model of a method, fitted on training features and, if it needs any, side information."""
    if side_information is None:
        return module.Model.fitted(config, features)
    return cast("InformedModelClass", module.Model).informed(config, features, side_information)
