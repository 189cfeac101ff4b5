"""Less confidence in cells whose nucleus is missing or cut off.

The truth of the HPA single-cell competition leaves out cells that the image cuts badly (Le et al., Nature Methods
19:1221, 2022). The second place dropped cells without a nucleus, and those at the edge with less than half the median
nucleus ([red.ai], 2021); the fourth gave less weight to nuclei out of the frame (MILIMED, 2021). Here they rank lower
and none is deleted.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from hpa.core.errors import InputError
from hpa.core.label_map import areas_of, edge_contact_of
from hpa.interfaces import SegmentedField


class NucleusRule:
    """Scales the confidences of a cell by `max(min_share, min(1, nucleus / (full share x median nucleus)))`.

    It holds for cells that touch the edge; inside the image a cell without a nucleus keeps `min_share`, every other one
    all of its confidence. The median is that of nuclei of cells that do not touch the edge, or of all where there is
    none inside; a field without any nucleus stays as it is.

    Args:
        full_share: Share of the median from which a nucleus counts as whole.
        min_share: What at least remains of a confidence, in (0, 1].

    Raises:
        InputError: If the share is not positive or `min_share` no such number.
    """

    def __init__(self, full_share: float, min_share: float) -> None:
        if not (full_share > 0 and 0 < min_share <= 1):
            raise InputError(
                "rules.nucleus needs full_share > 0 and 0 < min_share <= 1; came "
                f"full_share={full_share}, min_share={min_share}."
            )
        self._full_share = full_share
        self._min_share = min_share

    def __call__(
        self, field: SegmentedField, probabilities: Float[np.ndarray, "cell class"]
    ) -> Float[np.ndarray, "cell class"]:
        """Return the scaled confidences.

        Raises:
            InputError: If the segmenter does not look for nuclei.
        """
        if field.segmentation.nuclei is None:
            raise InputError(
                f"{field.field.image_id}: rules.nucleus needs nuclei, which this segmenter does not find; choose "
                "segmenter=watershed or segmenter=hpa_cell, or leave the rule out."
            )
        nuclei_px = np.zeros(len(probabilities), np.int64)
        found_px = areas_of(field.segmentation.nuclei)[: len(probabilities)]
        nuclei_px[: len(found_px)] = found_px
        if not nuclei_px.any():
            return probabilities
        at_edge = edge_contact_of(field.segmentation.cells) > 0
        inside_px = nuclei_px[~at_edge & (nuclei_px > 0)]
        median_px = np.median(inside_px if len(inside_px) else nuclei_px[nuclei_px > 0])
        shares = np.clip(nuclei_px / (self._full_share * median_px), self._min_share, 1)
        shares[~at_edge & (nuclei_px > 0)] = 1
        return probabilities * shares.astype(probabilities.dtype)[:, None]
