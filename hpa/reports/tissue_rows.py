"""Sections of each organ in one row: how many, how much of them is masked, the mean colour of their stain."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from hpa.intake.data_set.exploration import Exploration
from hpa.intake.data_set.images import ImageFigures

_ORGAN = "organ"


@dataclass(frozen=True)
class TissueRow:
    """One organ.

    Attributes:
        organ: Its name, "" where unknown.
        images: Number of sections.
        mask_percent: Least, median and largest share of a section that is masked; None without masks.
        colours: Mean colour of the tissue of the lightest, the median and the darkest section, #rrggbb.
    """

    organ: str
    images: int
    mask_percent: tuple[float, float, float] | None
    colours: tuple[str, ...]


def tissue_rows(found: Exploration) -> list[TissueRow]:
    """Return a row for every organ of a set of sections; none of another set."""
    organ_of = found.column_of(_ORGAN)
    by_organ: dict[str, list[ImageFigures]] = defaultdict(list)
    for image in found.images:
        if image.tissue_rgb is not None:
            by_organ[organ_of.get(image.image_id, "")].append(image)
    return [_row(organ, images) for organ, images in sorted(by_organ.items())]


def _row(organ: str, images: list[ImageFigures]) -> TissueRow:
    shares = [100 * image.mask_share for image in images if image.mask_share is not None]
    low, middle, high = np.percentile(shares, (0, 50, 100)).tolist() if shares else (0.0, 0.0, 0.0)
    stains = sorted((image.tissue_rgb for image in images if image.tissue_rgb is not None), key=sum, reverse=True)
    places = sorted({0, len(stains) // 2, len(stains) - 1})
    colours = tuple("#{:02x}{:02x}{:02x}".format(*(round(part) for part in stains[place])) for place in places)
    return TissueRow(organ, len(images), (low, middle, high) if shares else None, colours)
