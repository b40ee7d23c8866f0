"""The input of every method: whole vectors, with a scaling fitted on the training items."""

from dataclasses import dataclass, fields, replace
from typing import Any, cast

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import normalize

from diptych.data.features import Encoded, Features, Parts
from diptych.data.stored import StoredRows
from diptych.errors import ShapeMismatch
from diptych.maths.linear_reduction import principal_components, standard_deviations, standard_scale
from diptych.progress import Progress
from diptych.settings import memory_bytes

CONDENSED = 1 / 16
"""The share of the memory that the reduced parts of a modality may take during training."""
ITEMS_AT_ONCE = 100
"""How many items' parts are reduced at once."""
STEEPEST = 1e-3
"""The size below which the slope of a power no longer grows."""
SHORTEST = 1e-12
"""The least length by which a vector is divided, as in `torch.nn.functional.normalize`."""


@dataclass(frozen=True)
class InputConfig:
    """Scaling of the features of one modality."""

    power: float = 1.0
    """Signed power of each component, then scaling to unit length; 1 disables both. 1/2 suits sparse counts."""
    centre: bool = False
    """Subtract the training mean of whole vectors and scale them to unit mean variance."""
    each: bool = False
    """With `centre`, scale each component to unit variance (z-scores) instead of all by one factor."""


@dataclass(frozen=True)
class Widths:
    """The input widths of a method that compares whole vectors."""

    image: int
    """Dimension of a picture's whole vector."""
    text: int
    """Dimension of a text's whole vector."""
    classes: int
    """Number of categories known in training; 0 without categories."""

    @classmethod
    def of(cls, features: Features) -> "Widths":
        """Return the widths of these features."""
        classes = 0 if features.labels is None else features.labels.shape[1]
        return cls(features.images.whole.shape[1], features.texts.whole.shape[1], classes)


def check_widths(wanted: object, modality: str, encoded: Encoded) -> None:
    """Refuse features of one modality whose widths differ from the model's.

    `wanted` is a dataclass with a field `image` or `image_whole`, and `image_parts` where parts are read.
    """
    widths = {"": encoded.whole.shape[1], "whole": encoded.whole.shape[1]}
    widths["parts"] = 0 if encoded.parts is None else encoded.parts.width
    for field in fields(wanted):  # type: ignore[arg-type]
        whose, _, kind = field.name.partition("_")
        if whose == modality and (ours := getattr(wanted, field.name)) != widths[kind]:
            noun = "parts" if kind == "parts" else "whole vectors"
            raise ShapeMismatch(
                f"{noun} of {modality}s must have {ours} dimensions for this "
                f"model; got {widths[kind]}. Encode them with the encoder that the model was trained on."
            )


class _SignedPower(torch.autograd.Function):
    """sign(x) |x|^power, with the slope at `STEEPEST` where |x| is less: at 0 a power below 1 has an infinite one."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, power: float) -> Tensor:
        ctx.power = power
        ctx.save_for_backward(values)
        sizes = values.abs()
        raised = sizes.sqrt() if power == 0.5 else sizes.pow(power)
        return raised * values.sign() if torch.onnx.is_in_onnx_export() else raised.copysign(values)  # which ONNX lacks

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (values,) = ctx.saved_tensors
        sizes = values.abs().clamp_min(STEEPEST)
        return gradient * ctx.power * (sizes.rsqrt() if ctx.power == 0.5 else sizes.pow(ctx.power - 1)), None


class Standardised(nn.Module):
    """Standardise features with statistics of the training items: power, then centring and a scale or projection.

    y = (sign(x) |x|^power / ||.|| - mean) / scale, or (... - mean) basis if `kept` principal components are
    requested. The scale is one number, or one per column with `each`. With a power of 1 and without fitting, features
    are unchanged.
    """

    def __init__(self, width: int, *, power: float, kept: int = 0, each: bool = False) -> None:
        super().__init__()
        self.power = power
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("scale", torch.ones(width if each else ()))
        self.register_buffer("basis", torch.eye(width, kept) if kept else None)
        self.mean: Tensor
        self.scale: Tensor
        self.basis: Tensor | None

    def fit(self, rows: Float32[np.ndarray, "n d"] | StoredRows) -> None:
        """Fit the mean of training rows and their scale or leading principal components.

        Rows in files are read block by block, for a mean and a scale.
        """
        if self.basis is None:
            raised = _Raised(self, rows) if isinstance(rows, StoredRows) else self._raised_rows(rows)
            mean, scale = (standard_deviations if self.scale.ndim else standard_scale)(raised)
            self.scale.copy_(torch.as_tensor(scale))
        else:
            mean, basis = principal_components(self._raised_rows(np.asarray(rows)), width=self.basis.shape[1])
            self.basis.zero_()[:, : basis.shape[1]] = torch.from_numpy(basis)
        self.mean.copy_(torch.from_numpy(mean))

    def _raised_rows(self, rows: Float32[np.ndarray, "n d"]) -> Float32[np.ndarray, "n d"]:
        return self.raised(torch.from_numpy(rows)).numpy()

    def raised(self, values: Float[Tensor, "*any d"]) -> Float[Tensor, "*any d"]:
        """Return the values after the power and the scaling to unit length, before centring."""
        return values if self.power == 1.0 else normalize(self._power(values), dim=-1)

    def forward(self, values: Float[Tensor, "*any d"]) -> Float[Tensor, "*any k"]:
        """Return the standardised values."""
        return self._scaled(self.raised(values) - self.mean) if self.basis is None else self._projected(values)

    def _projected(self, values: Float[Tensor, "*any d"]) -> Float[Tensor, "*any k"]:
        """Return principal components; the lengths divide the projections, which are narrower than the values."""
        basis = cast("Tensor", self.basis)
        if self.power == 1.0:
            return values @ basis - self.mean @ basis
        powers = self._power(values)
        lengths = powers.norm(dim=-1, keepdim=True).clamp_min(SHORTEST)
        projected: Tensor = powers @ basis / lengths - self.mean @ basis
        return projected

    def _power(self, values: Float[Tensor, "*any d"]) -> Float[Tensor, "*any d"]:
        """Return the signed power of each component; of 1/2 by the square root, which is several times as fast."""
        return _SignedPower.apply(values, self.power)  # type: ignore[no-untyped-call,no-any-return]

    def shares(self, whole: Float[Tensor, " d"], pieces: Float[Tensor, "p d"]) -> Float[Tensor, "p k"]:
        """Divide a standardised vector among the pieces of its sum; the shares sum to it.

        A power acts on the sum, and each number's gain, raised(whole) / whole, is the same for all pieces. What the
        pieces leave out of the whole, and the mean, are divided evenly. Zero shares are the training mean.
        """
        gain = torch.where(whole == 0, 0, self.raised(whole) / torch.where(whole == 0, 1, whole))
        rest = (whole - pieces.sum(0)) / len(pieces)
        return self._scaled((pieces + rest) * gain - self.mean / len(pieces))

    def _scaled(self, centred: Float[Tensor, "*any d"]) -> Float[Tensor, "*any k"]:
        return centred / self.scale if self.basis is None else centred @ self.basis


@torch.inference_mode()
def condensed(encoded: Encoded, scaling: Standardised, *, of: str, progress: Progress | None = None) -> Encoded:
    """Return the items of a modality with the principal components of their parts, in half precision.

    They are returned unchanged if they have no parts, if these are not reduced, or if all components would take more
    than `CONDENSED` of the memory.
    """
    parts = encoded.parts
    if parts is None or scaling.basis is None:
        return encoded
    lengths, width = parts.lengths, scaling.basis.shape[1]
    if np.dtype(np.float16).itemsize * width * int(lengths.sum()) > CONDENSED * memory_bytes():
        return encoded
    ends = np.concatenate([[0], np.cumsum(lengths)])
    components = np.empty((int(ends[-1]), width), dtype=np.float16)
    for start in range(0, len(parts), ITEMS_AT_ONCE):
        stop = min(start + ITEMS_AT_ONCE, len(parts))
        rows = np.concatenate([parts.sequence(item) for item in range(start, stop)]).astype(np.float32)
        components[ends[start] : ends[stop]] = scaling(torch.from_numpy(rows).to(scaling.mean.device)).cpu().numpy()
        if progress is not None:
            progress(stop, len(parts), f"training: reducing parts of {of}s")
    spans = np.stack([np.zeros(len(parts), dtype=np.int64), ends[:-1], ends[1:]], axis=1)
    return replace(encoded, parts=Parts((components,), spans, np.arange(len(parts) + 1)), condensed=True)


@dataclass(frozen=True)
class _Raised:
    """Rows in files, raised to the power when they are read."""

    scaling: Standardised
    rows: StoredRows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, some: slice) -> Float32[np.ndarray, "b d"]:
        return self.scaling._raised_rows(self.rows[some])


class Inputs(nn.Module):
    """Scaling of the whole vectors of both modalities, fitted on training items if `centre` is set."""

    def __init__(self, image: InputConfig, text: InputConfig, widths: Widths) -> None:
        super().__init__()
        self.configs = {"image": image, "text": text}
        self.scalings = nn.ModuleDict(
            {m: Standardised(getattr(widths, m), power=c.power, each=c.each) for m, c in self.configs.items()}
        )

    def fit(self, features: Features) -> None:
        """Fit the means and scales on training features."""
        for modality, encoded in (("image", features.images), ("text", features.texts)):
            if self.configs[modality].centre:
                cast("Standardised", self.scalings[modality]).fit(encoded.whole)

    def forward(self, modality: str, whole: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        """Return whole vectors of a modality, scaled."""
        scaled: Tensor = self.scalings[modality](whole)
        return scaled

    def shares(self, modality: str, whole: Float[Tensor, " d"], pieces: Float[Tensor, "p d"]) -> Float[Tensor, "p d"]:
        """Divide one scaled whole vector of a modality among the pieces of its sum."""
        return cast("Standardised", self.scalings[modality]).shares(whole, pieces)

    def scaled(self, modality: str, encoded: Encoded) -> Float[np.ndarray, "n d"]:
        """Return all items of a modality, scaled, in double precision."""
        with torch.inference_mode():
            return self(modality, torch.from_numpy(encoded.in_memory())).double().numpy()  # type: ignore[no-any-return]
