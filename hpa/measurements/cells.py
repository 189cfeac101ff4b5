"""All measurements of the cells of a field, as columns: names carry compartment, channel and unit.

Definitions are those of scikit-image and CellProfiler (Stirling et al., BMC Bioinformatics 22:433, 2021), computed for
all cells at once. Nothing is subtracted from intensities: they are levels as stored.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64, Integer
from scipy.spatial import cKDTree

from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.core.label_map import boxes_of, edge_contact_of
from hpa.measurements.pixel_runs import PixelRuns, Plane
from hpa.measurements.shapes import outlines_of, shapes_of
from hpa.measurements.textures import CellTextures

COMPARTMENTS = ("cell", "nucleus", "cytoplasm")
_MAX_GREY_LEVELS = 255
Columns = dict[str, np.ndarray]


class CellMeasures:
    """Measures cells.

    Args:
        grey_levels: Of textures, between the darkest and the brightest pixel of a cell.
        texture_distance_px: Distance of the pixels whose levels are compared.

    Raises:
        InputError: If a number makes no sense.
    """

    def __init__(self, grey_levels: int, texture_distance_px: int) -> None:
        if not 2 <= grey_levels <= _MAX_GREY_LEVELS:
            raise InputError(f"grey_levels={grey_levels}: 2 to {_MAX_GREY_LEVELS} are expected.")
        if texture_distance_px < 1:
            raise InputError(f"texture_distance_px={texture_distance_px}: 1 or more is expected.")
        self._grey_levels = grey_levels
        self._texture_distance_px = texture_distance_px

    def settings(self) -> dict[str, int]:
        """Return what the measurements depend on beside the field, as plain types."""
        return {"grey_levels": self._grey_levels, "texture_distance_px": self._texture_distance_px}

    def names(self, channels: tuple[str, ...]) -> tuple[str, ...]:
        """Return the columns of fields of these channels."""
        nothing = np.zeros((len(channels), 1, 1), np.uint8)
        return tuple(self.measure(Field("", nothing, channels, 1.0), Segmentation(np.zeros((1, 1), np.int32))))

    def measure(self, field: Field, segmentation: Segmentation) -> Columns:
        """Return the measurements of cell 1, 2, …, float64, by column.

        Of a cell without a nucleus the area of the nucleus is 0 and its other measurements are NaN; where the segmenter
        finds no nuclei at all, everything of nuclei and cytoplasm is NaN.

        Args:
            field: The planes.
            segmentation: The cells; the pixels of a cell whose `nuclei` have its number are its nucleus.
        """
        cells, nuclei = segmentation.cells, segmentation.nuclei
        count = int(cells.max(initial=0))
        inside = None if nuclei is None else np.where(nuclei == cells, cells, 0)
        return {
            **_shape_columns(cells, inside, count, field.pixel_um),
            **self._channel_columns(field, cells, inside, count),
        }

    def _channel_columns(
        self, field: Field, cells: Integer[np.ndarray, "h w"], nuclei: Integer[np.ndarray, "h w"] | None, count: int
    ) -> Columns:
        # odd numbers are nuclei, even ones the rest of the cells
        parts = PixelRuns.of(cells * 2 if nuclei is None else cells * 2 - (nuclei > 0), 2 * count)
        textures = CellTextures(cells, boxes_of(cells), self._grey_levels, self._texture_distance_px)
        columns: Columns = {}
        for channel, plane in zip(field.channels, field.pixels, strict=True):
            columns |= _intensity_columns(channel, plane, parts, nuclei is not None)
            found = textures.measure(plane)
            columns |= {f"{channel}_cell_{name}": values for name, values in found.items()}
        return columns


def _shape_columns(
    cells: Integer[np.ndarray, "h w"], nuclei: Integer[np.ndarray, "h w"] | None, count: int, pixel_um: float
) -> Columns:
    shapes, outlines = shapes_of(PixelRuns.of(cells, count)), outlines_of(cells, count)
    unknown = np.full(count, np.nan)
    inner = None if nuclei is None else shapes_of(PixelRuns.of(nuclei, count))
    with np.errstate(invalid="ignore", divide="ignore"):
        form_factor = np.where(outlines.perimeter_px > 0, 4 * np.pi * shapes.area_px / outlines.perimeter_px**2, np.nan)
        nucleus_share = unknown if inner is None else inner.area_px / shapes.area_px
    lengths_px = {
        "perimeter": outlines.perimeter_px,
        "axis_major": shapes.axis_major_px,
        "axis_minor": shapes.axis_minor_px,
        "nearest_cell": _nearest_px(shapes.centroid_px),
    }
    return {
        **{f"{name}_px": values for name, values in lengths_px.items()},
        **{f"{name}_um": values * pixel_um for name, values in lengths_px.items()},
        "eccentricity": shapes.eccentricity,
        "solidity": shapes.solidity,
        "form_factor": form_factor,
        "edge_px": edge_contact_of(cells).astype(np.float64),
        "neighbours": outlines.neighbours.astype(np.float64),
        "contact_share": outlines.contact_share,
        "nucleus_area_px": unknown if inner is None else inner.area_px,
        "nucleus_area_um2": unknown if inner is None else inner.area_px * pixel_um**2,
        "nucleus_share": nucleus_share,
        "nucleus_eccentricity": unknown if inner is None else inner.eccentricity,
        "nucleus_solidity": unknown if inner is None else inner.solidity,
    }


def _intensity_columns(channel: str, plane: Plane, parts: PixelRuns, has_nuclei: bool) -> Columns:
    """Return mean, deviation and maximum in each compartment, and the ratio of the means of nucleus and cytoplasm."""
    area, total = parts.areas_px().reshape(-1, 2), parts.sums(plane).reshape(-1, 2)  # (cell, nucleus or cytoplasm)
    squares = parts.sums_of_squares(plane).reshape(-1, 2)
    highest = parts.maxima(plane).reshape(-1, 2)
    stacked = {
        name: np.concatenate([combined[:, None], values], axis=1)  # (cell, compartment)
        for name, values, combined in (
            ("area", area, area.sum(axis=1)),
            ("total", total, total.sum(axis=1)),
            ("squares", squares, squares.sum(axis=1)),
            ("highest", highest, highest.max(axis=1, initial=-1)),
        )
    }
    there = stacked["area"] > 0
    if not has_nuclei:
        there[:, 1:] = False
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(there, stacked["total"] / stacked["area"], np.nan)
        deviation = np.sqrt(np.maximum(np.where(there, stacked["squares"] / stacked["area"], np.nan) - mean**2, 0))
        ratio = np.where(mean[:, 2] > 0, mean[:, 1] / mean[:, 2], np.nan)
    columns: Columns = {}
    for place, compartment in enumerate(COMPARTMENTS):
        columns[f"{channel}_{compartment}_mean_level"] = mean[:, place]
        columns[f"{channel}_{compartment}_std_level"] = deviation[:, place]
        columns[f"{channel}_{compartment}_max_level"] = np.where(there[:, place], stacked["highest"][:, place], np.nan)
    return columns | {f"{channel}_nucleus_cytoplasm_ratio": ratio}


def _nearest_px(centroids_px: Float64[np.ndarray, "cell 2"]) -> Float64[np.ndarray, " cell"]:
    """Return the distance to the centroid of the nearest other cell; NaN where there is none."""
    if len(centroids_px) < 2:
        return np.full(len(centroids_px), np.nan)
    distances, _ = cKDTree(centroids_px).query(centroids_px, k=2)
    return distances[:, 1]
