"""The 19 locations of the Human Protein Atlas single-cell competition (Le et al., Nature Methods 19:1221, 2022)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Location:
    """A place in the cell that a protein can show."""

    index: int
    name: str
    short_name: str


LOCATIONS: tuple[Location, ...] = (
    Location(0, "Nucleoplasm", "nucleoplasm"),
    Location(1, "Nuclear membrane", "nuclear_membrane"),
    Location(2, "Nucleoli", "nucleoli"),
    Location(3, "Nucleoli fibrillar center", "nucleoli_fibrillar_center"),
    Location(4, "Nuclear speckles", "nuclear_speckles"),
    Location(5, "Nuclear bodies", "nuclear_bodies"),
    Location(6, "Endoplasmic reticulum", "endoplasmic_reticulum"),
    Location(7, "Golgi apparatus", "golgi_apparatus"),
    Location(8, "Intermediate filaments", "intermediate_filaments"),
    Location(9, "Actin filaments", "actin_filaments"),
    Location(10, "Microtubules", "microtubules"),
    Location(11, "Mitotic spindle", "mitotic_spindle"),
    Location(12, "Centrosome", "centrosome"),
    Location(13, "Plasma membrane", "plasma_membrane"),
    Location(14, "Mitochondria", "mitochondria"),
    Location(15, "Aggresome", "aggresome"),
    Location(16, "Cytosol", "cytosol"),
    Location(17, "Vesicles and punctate cytosolic patterns", "vesicles"),
    Location(18, "Negative", "negative"),
)
LOCATION_NAMES: tuple[str, ...] = tuple(location.name for location in LOCATIONS)
NEGATIVE_CLASS = 18
