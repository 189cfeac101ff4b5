"""Less confidence in cells that are small for their field, above all in those that the image edge cuts.

Cultures and magnifications differ in the size of their cells, so that areas are compared with the field's own median:
the second and fourth place of the HPA single-cell competition did so with nuclei and cells ([red.ai], MILIMED, 2021;
Le et al., Nature Methods 19:1221, 2022). Where they deleted cells, this ranks them lower. `edge` compares with fixed
areas instead.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from hpa.core.errors import InputError
from hpa.core.label_map import areas_of, edge_contact_of
from hpa.interfaces import SegmentedField


class AreaRule:
    """Scales the confidences of a cell by `min(1, area / (full share x median))`.

    The median is that of the field's cells that do not touch its edge, or of all where every one does.

    Args:
        full_share_at_edge: Share of the median from which a cell that touches the edge keeps its confidence.
        full_share_inside: The same for every other cell.

    Raises:
        InputError: If a share is not positive.
    """

    def __init__(self, full_share_at_edge: float, full_share_inside: float) -> None:
        if not (full_share_at_edge > 0 and full_share_inside > 0):
            raise InputError(
                "rules.area needs shares above 0; came "
                f"full_share_at_edge={full_share_at_edge}, full_share_inside={full_share_inside}."
            )
        self._full_share_at_edge = full_share_at_edge
        self._full_share_inside = full_share_inside

    def __call__(
        self, field: SegmentedField, probabilities: Float[np.ndarray, "cell class"]
    ) -> Float[np.ndarray, "cell class"]:
        """Return the scaled confidences."""
        if not len(probabilities):
            return probabilities
        cells = field.segmentation.cells
        areas_px, at_edge = areas_of(cells), edge_contact_of(cells) > 0
        median_px = np.median(areas_px if at_edge.all() else areas_px[~at_edge])
        full_px = median_px * np.where(at_edge, self._full_share_at_edge, self._full_share_inside)
        return probabilities * np.minimum(1, areas_px / full_px).astype(probabilities.dtype)[:, None]
