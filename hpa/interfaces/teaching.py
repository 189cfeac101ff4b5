"""How earlier runs, or an average of the network itself, teach which cells show the labels of their image."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from hpa.interfaces.protocols import Unit


@runtime_checkable
class Selection(Protocol):
    """Says which cells of an image are believed to show its labels (`supervision/selection=`)."""

    unit: Unit
    """"image" where a cell is compared with the others of its image, which must then come together; else "cell"."""

    def __call__(
        self,
        probabilities: Float[Tensor, "cell class"],
        copied: Float[Tensor, "cell class"],
        image_of_cell: Int[Tensor, " cell"],
    ) -> Float[Tensor, "cell class"]:
        """Return beliefs in [0, 1], given a teacher's probabilities and the labels copied from each cell's image."""


@runtime_checkable
class TaughtByRuns(Protocol):
    """A part of a strategy that is told, before training, what earlier runs said of cells they had not seen."""

    runs: tuple[str, ...]
    """Their folders."""

    def learn(
        self,
        probabilities: Float[Tensor, "cell class"],
        copied: Float[Tensor, "cell class"],
        image_of_cell: Int[Tensor, " cell"],
    ) -> None:
        """Take a row for each cell of the data set, by `cell_id`; NaN where no run speaks."""


@runtime_checkable
class TaughtMasksByRuns(Protocol):
    """A strategy that reads `PixelBatch.taught`: what earlier runs said of images that they had not seen."""

    mask_runs: tuple[str, ...]
    """Their folders."""
