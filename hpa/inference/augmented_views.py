"""The ways in which test-time augmentation shows a crop: turned, at another size, at another brightness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from hpa.core.dihedral import SYMMETRIES, apply
from hpa.core.errors import InputError


@dataclass(frozen=True)
class View:
    """One way to show crops.

    Attributes:
        symmetry: A name of `hpa.core.dihedral`.
        scale: Side of the crop after resizing, as a multiple.
        brightness: What intensities are multiplied by; beyond 1 they are cut.
    """

    symmetry: str
    scale: float
    brightness: float

    def of(self, crops: Float[Tensor, "cell channel side side"]) -> Float[Tensor, "cell channel new_side new_side"]:
        """Return crops, or whole images, so shown."""
        side_px = max(1, round(self.scale * crops.shape[-1]))
        if side_px != crops.shape[-1]:
            # shrinking without antialiasing would drop the dots and threads that tell locations apart
            size = (side_px, side_px)
            crops = functional.interpolate(crops, size, mode="bilinear", antialias=True, align_corners=False)
        if self.brightness != 1:
            crops = (crops * self.brightness).clamp(max=1)
        return apply(crops, self.symmetry)

    def places_of(self, coverage: Float[Tensor, "cell grid grid"]) -> Float[Tensor, "cell grid grid"]:
        """Return where cells lie in whole images so shown: in shares of the side, so that its size does not matter."""
        return apply(coverage, self.symmetry)


def all_views(symmetries: Sequence[str], scales: Sequence[float], brightness: Sequence[float]) -> list[View]:
    """Return every combination.

    Raises:
        InputError: If a list is empty, names something twice, or holds what cannot be.
    """
    _require("symmetries", symmetries, ", ".join(SYMMETRIES), lambda name: name in SYMMETRIES)
    _require("scales", scales, "the numbers above 0 and up to 4", lambda scale: 0 < scale <= 4)
    _require("brightness", brightness, "the numbers above 0 and up to 4", lambda factor: 0 < factor <= 4)
    return [View(*view) for view in product(symmetries, scales, brightness)]


def _require(key: str, values: Sequence[Any], wanted: str, fits: Callable[[Any], bool]) -> None:
    if not values or len(set(values)) < len(values) or not all(fits(value) for value in values):
        raise InputError(f"tta.{key} must hold at least one of {wanted}, each once; came {list(values)}.")
