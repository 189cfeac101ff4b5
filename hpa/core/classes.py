"""The 19 locations of the Human Protein Atlas single-cell competition (Le et al., Nature Methods 19:1221, 2022)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Location:
    """A place in the cell that a protein can show."""

    index: int
    name: str
    short_name: str
    colour: str
    """Hex colour used in every plot and overlay; neighbours in the list differ in hue and lightness."""


LOCATIONS: tuple[Location, ...] = (
    Location(0, "Nucleoplasm", "nucleoplasm", "#1f77b4"),
    Location(1, "Nuclear membrane", "nuclear_membrane", "#aec7e8"),
    Location(2, "Nucleoli", "nucleoli", "#ff7f0e"),
    Location(3, "Nucleoli fibrillar center", "nucleoli_fibrillar_center", "#ffbb78"),
    Location(4, "Nuclear speckles", "nuclear_speckles", "#2ca02c"),
    Location(5, "Nuclear bodies", "nuclear_bodies", "#98df8a"),
    Location(6, "Endoplasmic reticulum", "endoplasmic_reticulum", "#d62728"),
    Location(7, "Golgi apparatus", "golgi_apparatus", "#ff9896"),
    Location(8, "Intermediate filaments", "intermediate_filaments", "#9467bd"),
    Location(9, "Actin filaments", "actin_filaments", "#c5b0d5"),
    Location(10, "Microtubules", "microtubules", "#8c564b"),
    Location(11, "Mitotic spindle", "mitotic_spindle", "#c49c94"),
    Location(12, "Centrosome", "centrosome", "#e377c2"),
    Location(13, "Plasma membrane", "plasma_membrane", "#f7b6d2"),
    Location(14, "Mitochondria", "mitochondria", "#17becf"),
    Location(15, "Aggresome", "aggresome", "#9edae5"),
    Location(16, "Cytosol", "cytosol", "#bcbd22"),
    Location(17, "Vesicles and punctate cytosolic patterns", "vesicles", "#dbdb8d"),
    Location(18, "Negative", "negative", "#7f7f7f"),
)
LOCATION_NAMES: tuple[str, ...] = tuple(location.name for location in LOCATIONS)
NEGATIVE_CLASS = 18
