"""Less confidence in small cells, above all in those that the image edge cuts.

The truth of the HPA single-cell competition leaves out cells that the edge cuts badly, so that every one of them in a
submission is a false positive; an uncut cell that is very small is debris more often than a cell. Scaling by area ranks
such cells lower and deletes none: `confidence x min(1, area / full area)`, from the seventh place (PFCell, 2021: 80,000
px at the edge and 32,000 px inside, at 0.08 µm; .580 to .594 on the public leaderboard).
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from hpa.core.errors import InputError
from hpa.core.label_map import areas_of, edge_contact_of
from hpa.interfaces import SegmentedField


class EdgeRule:
    """Scales the confidences of a cell by its area.

    Args:
        full_area_at_edge_um2: Area from which a cell that touches the image edge keeps its confidence.
        full_area_inside_um2: The same for every other cell.

    Raises:
        InputError: If an area is not positive.
    """

    def __init__(self, full_area_at_edge_um2: float, full_area_inside_um2: float) -> None:
        if not (full_area_at_edge_um2 > 0 and full_area_inside_um2 > 0):
            raise InputError(
                "rules.edge needs areas above 0 µm²; came "
                f"full_area_at_edge_um2={full_area_at_edge_um2}, full_area_inside_um2={full_area_inside_um2}."
            )
        self._full_area_at_edge_um2 = full_area_at_edge_um2
        self._full_area_inside_um2 = full_area_inside_um2

    def __call__(
        self, field: SegmentedField, probabilities: Float[np.ndarray, "cell class"]
    ) -> Float[np.ndarray, "cell class"]:
        """Return the scaled confidences."""
        cells = field.segmentation.cells
        areas_um2 = areas_of(cells) * field.field.pixel_um**2
        at_edge = edge_contact_of(cells) > 0
        full_areas_um2 = np.where(at_edge, self._full_area_at_edge_um2, self._full_area_inside_um2)
        shares = np.minimum(1, areas_um2 / full_areas_um2).astype(probabilities.dtype)
        return probabilities * shares[:, None]
