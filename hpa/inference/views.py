"""Test-time augmentation (`tta=`): the views in which an image or its crops are predicted, and how they are averaged.

Cells and tissue have no up or down, so all eight symmetries of the square are equally true. In the HPA single-cell
competition (Le et al., Nature Methods 19:1221, 2022) the first place averaged over flips and transposition, the seventh
over all eight. Other sizes stand for other objectives and pixel sizes, other brightnesses for other exposures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from hpa.core.dihedral import SYMMETRIES
from hpa.core.errors import InputError

AVERAGES = ("probabilities", "logits", "ranks")


@dataclass(frozen=True)
class View:
    """One way to show an image.

    Attributes:
        symmetry: A name of `hpa.core.dihedral`.
        scale: Side after resizing, as a multiple.
        brightness: Factor of the intensities; what exceeds 1 is clipped.
    """

    symmetry: str
    scale: float
    brightness: float


class Views:
    """All combinations of symmetries, scales and brightnesses, and the average over them.

    Args:
        symmetries: Names from `hpa.core.dihedral`.
        scales: Multiples of the side; images are resized.
        brightness: Multiples of the intensities.
        average: "probabilities"; "logits" (the mean before the sigmoid, which weights confident views more); or "ranks"
            (of cells: the mean of a view's ranks among the network's held-out cells, as the probability of that rank).

    Raises:
        InputError: If a list is empty, holds something twice or unknown, or the average has another name.
    """

    def __init__(
        self, symmetries: Sequence[str], scales: Sequence[float], brightness: Sequence[float], average: str
    ) -> None:
        _require("symmetries", symmetries, ", ".join(SYMMETRIES), lambda name: name in SYMMETRIES)
        _require("scales", scales, "the numbers above 0 and up to 4", lambda scale: 0 < scale <= 4)
        _require("brightness", brightness, "the numbers above 0 and up to 4", lambda factor: 0 < factor <= 4)
        if average not in AVERAGES:
            raise InputError(f"tta.average must be one of {', '.join(AVERAGES)}; came '{average}'.")
        self.views = [View(*view) for view in product(symmetries, scales, brightness)]
        self.average = average

    def __len__(self) -> int:
        """Count the views, each of which costs a forward pass."""
        return len(self.views)

    def single(self) -> Views:
        """Return the image as it is, for when time runs out."""
        return Views(["identity"], [1.0], [1.0], "probabilities")


def _require(key: str, values: Sequence[Any], expected: str, fits: Callable[[Any], bool]) -> None:
    if not values or len(set(values)) < len(values) or not all(fits(value) for value in values):
        raise InputError(f"tta.{key} must hold at least one of {expected}, each once; came {list(values)}.")
