"""What a file of this room offers, and opening one by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

from diptych.data.concepts import Concepts
from diptych.data.features import Features
from diptych.errors import BadSetting
from diptych.methods import ROOM
from diptych.methods.contract import Method
from diptych.modality import Modality
from diptych.rooms import Card


@dataclass(frozen=True)
class SideInformation:
    """What a few methods learn from beside the training features."""

    concepts: Concepts | None = None
    """What the image network can name: for methods whose card needs `concepts`."""
    unlabelled: Features | None = None
    """Items of the test split without their categories: for configs that are `transductive`."""


class MethodConfig:
    """What every method's config answers; a config is a frozen dataclass that derives from it."""

    @property
    def fusion(self) -> str:
        """Name of the rule that makes one similarity of two spaces'."""
        return "product"

    @property
    def transductive(self) -> bool:
        """Whether it learns from the test items' features, without their categories."""
        return False

    @property
    def encoders(self) -> tuple[str, str] | None:
        """Encoders of pictures and of texts that the method reads in place of the common ones."""
        return None


@runtime_checkable
class ModelClass(Protocol):
    """The class of a method's models: a `torch.nn.Module` built as Model(config, widths)."""

    def __call__(self, config: Any, widths: Any, /) -> Method:
        """Return an untrained model of a config and the widths of its features."""
        ...

    def fitted(self, config: Any, features: Features) -> Method:
        """Return a model finished where it has a closed form, else with inputs scaled and first weights drawn."""
        ...


@runtime_checkable
class InformedModelClass(ModelClass, Protocol):
    """The class of models that may need side information; theirs are made by `informed`."""

    def informed(self, config: Any, features: Features, side_information: SideInformation) -> Method:
        """Return what `fitted` does, with side information at hand."""
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
        """Return the model for a pair of encoders: their names and, when asked, how wide their whole vectors are."""
        ...


@runtime_checkable
class MethodModule(Protocol):
    """A file of this room."""

    CARD: Card
    PRESETS: Mapping[str, Any]
    """Named configs, `default` among them."""
    SEARCH: Mapping[str, Sequence[Any]]
    """Settings by dotted name with the values that a search on validation data may try."""

    @property
    def Config(self) -> type[Any]:
        """A frozen dataclass of everything that the method can be told: a `MethodConfig`."""
        ...

    @property
    def Widths(self) -> type[Any]:
        """A frozen dataclass of whole numbers: what a model is built for."""
        ...

    @property
    def Model(self) -> ModelClass:
        """The class of its models."""
        ...


OFFERED = ("CARD", "Config", "PRESETS", "SEARCH", "Widths", "Model")
"""What a file of this room defines."""


def open_method(name: str) -> MethodModule:
    """Return the file of the method called `name`; `UnknownName` offers the nearest."""
    module: Any = ROOM.open(name)
    if lacking := [each for each in OFFERED if not hasattr(module, each)]:
        raise BadSetting(f"the method {name} offers no {lacking[0]}. Its file must define {', '.join(OFFERED)}.")
    return cast("MethodModule", module)


def fit(module: MethodModule, config: Any, features: Features, side_information: SideInformation | None) -> Method:
    """Return the model of a method, fitted on training features and, where it needs any, side information."""
    if side_information is None:
        return module.Model.fitted(config, features)
    return cast("InformedModelClass", module.Model).informed(config, features, side_information)
