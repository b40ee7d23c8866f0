"""Networks of other libraries in two, if their blocks can be listed.

The blocks are the last list of modules of one class in the network, such as the layers of a vision transformer or the
stages of a ConvNeXt. Hooks on the block at the cut do the rest: the frozen part runs until that block would start, and
in the learning part, from which the blocks before are removed, the block starts with the activations. What precedes the
blocks there (the embedding of patches) sees an empty picture, and its output is discarded.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from copy import deepcopy
from math import isqrt
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from diptych.encoders.contract import Encoder
from diptych.encoders.cut import Blocks, Cut, TopFeatures, checked_blocks, not_listed
from diptych.encoders.image_cut import ImageTop, as_maps, image_cut
from diptych.encoders.vision import ImageNetwork

Listed = nn.ModuleList | nn.Sequential

GIVEN: ContextVar[Tensor] = ContextVar("given")
"""The activations with which the first learning block starts."""
ARGUMENT = "hidden_states"
"""The name under which some networks pass activations."""


class ReachedError(Exception):
    """The frozen blocks have run; raised to leave the network."""

    def __init__(self, activations: Tensor) -> None:
        super().__init__()
        self.activations = activations


class Before(nn.Module):
    """A network up to one of its blocks."""

    def __init__(self, encoder: Encoder, run: Callable[..., object], block: nn.Module) -> None:
        super().__init__()
        self._encoder, self._run = encoder, run
        self._block = (block,)  # in a tuple, so that it is no module of this one

    def forward(self, *inputs: Tensor) -> Float[Tensor, "b *any"]:
        """Return what the block would start with."""
        handle = self._block[0].register_forward_pre_hook(_leave, with_kwargs=True)
        try:
            self._run(*inputs)
        except ReachedError as reached:
            return reached.activations
        finally:
            handle.remove()
        raise not_listed(self._encoder)


class ListedNetwork:
    """A network without the blocks before the learning ones, which starts with given activations."""

    def __init__(self, network: nn.Module, *, kept: int) -> None:
        name, blocks = listed_blocks(network) or ("", nn.ModuleList())
        self._within, self.kept = f"{name}." if name else "", kept
        if kept:
            del blocks[: len(blocks) - kept]
            blocks[0].register_forward_pre_hook(_enter, with_kwargs=True)

    @contextmanager
    def starting_with(self, activations: Tensor) -> Iterator[None]:
        """Within the block, start the first learning block with these."""
        before = GIVEN.set(activations)
        try:
            yield
        finally:
            GIVEN.reset(before)

    def depths(self, names: Sequence[str], *, prefix: str) -> dict[str, int]:
        """Return for each parameter how many blocks come after its own; 0 for what follows the blocks."""
        within = prefix + self._within
        places = {name: name.removeprefix(within).partition(".")[0] for name in names if name.startswith(within)}
        inside = {name: int(place) for name, place in places.items() if self.kept and place.isdecimal()}
        return dict.fromkeys(names, 0) | {name: self.kept - 1 - place for name, place in inside.items()}


class ListedTop(ImageTop):
    """The last blocks of a network and what follows them."""

    def __init__(self, encoder: ImageNetwork, *, kept: int, shape: torch.Size) -> None:
        super().__init__(width=shape[1] if len(shape) == 4 else shape[-1])
        self.network = deepcopy(encoder.loaded)
        self.maps, self.side = len(shape) == 4, encoder.side
        self._listed = ListedNetwork(self.network, kept=kept)
        self._looking = (encoder.with_network(self.network),)

    def forward(self, activations: Float[Tensor, "b p c"], mask: Bool[Tensor, "b p"]) -> TopFeatures:
        """Return the features of pictures, or of their mirrored ones."""
        own = self._view(activations)
        values = as_maps(own) if self.maps else own
        empty = values.new_zeros(()).expand(len(values), 3, self.side, self.side)
        with self._listed.starting_with(values):
            grid, whole = self._looking[0].look(empty if self._listed.kept else values)
        if grid is None:
            return TopFeatures(None, None, whole)
        regions = grid.flatten(1, 2)
        return TopFeatures(regions, mask.new_ones(regions.shape[:2]), whole)

    def depths(self) -> dict[str, int]:
        """Return for each parameter how many blocks come after its own; 0 for what follows the blocks."""
        return self._listed.depths([name for name, _ in self.named_parameters()], prefix="network.")


def listed_cut(encoder: ImageNetwork, blocks: Blocks) -> Cut:
    """Return an image network of another library in two; with `all` it reads pixels."""
    found = listed_blocks(encoder.loaded)
    if found is None:
        raise not_listed(encoder)
    listed = found[1]
    kept = 0 if blocks == "all" else checked_blocks(encoder, blocks, there=len(listed))
    first = Before(encoder, encoder.look, listed[len(listed) - kept]) if kept else nn.Identity()
    shape = _shape(encoder, kept)
    return image_cut(encoder, first, ListedTop(encoder, kept=kept, shape=shape), blocks=blocks)


def listed_blocks(network: nn.Module) -> tuple[str, Listed] | None:
    """Return the last outermost list of at least two modules of one class, with its name; None without any."""
    found: tuple[str, Listed] | None = None
    for name, module in network.named_modules():
        alike = isinstance(module, Listed) and len(module) > 1 and len({type(block) for block in module}) == 1
        if alike and not (found and name.startswith(f"{found[0]}.")):
            found = name, module
    return found


def _shape(encoder: ImageNetwork, kept: int) -> torch.Size:
    """Return the shape of a picture's activations, from a copy of the network that computes shapes alone."""
    if not kept:
        return torch.Size((1, 3, encoder.side, encoder.side))
    network = deepcopy(encoder.loaded).to("meta")
    _, blocks = listed_blocks(network) or ("", nn.ModuleList())
    twin = encoder.with_network(network)
    empty = torch.empty(1, 3, twin.side, twin.side, device="meta")
    shape: torch.Size = Before(twin, twin.look, blocks[len(blocks) - kept])(empty).shape
    if len(shape) not in (3, 4) or (len(shape) == 4 and isqrt(shape[2] * shape[3]) != shape[3]):
        raise not_listed(encoder)
    return shape


def _activations(arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    return arguments[0] if arguments else named.get(ARGUMENT)


def _leave(block: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]) -> None:
    raise ReachedError(_activations(arguments, named))


def _enter(
    block: nn.Module, arguments: tuple[Any, ...], named: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    given = GIVEN.get()
    return ((given, *arguments[1:]), named) if arguments else ((), {**named, ARGUMENT: given})
