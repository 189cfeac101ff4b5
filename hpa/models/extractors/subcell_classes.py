"""The 31 classes of SubCell's published classifiers, and which of the competition's 19 locations each is.

Order: the classes as SubCellPortable numbers them (Gupta et al., 2024, bioRxiv 2024.12.06.627299). Locations: the merge
that the organisers published beside the competition (`all_locations_merged.json`, Le et al., Nature Methods 19:1221,
2022), whose "No staining" is "Negative" here. Four classes are none of the 19 there, and of none here.
"""

from __future__ import annotations

SUBCELL_LOCATIONS: tuple[tuple[str, int | None], ...] = (
    ("Actin filaments", 9),
    ("Aggresome", 15),
    ("Cell Junctions", 13),
    ("Centriolar satellite", 12),
    ("Centrosome", 12),
    ("Cytokinetic bridge", None),
    ("Cytoplasmic bodies", 17),
    ("Cytosol", 16),
    ("Endoplasmic reticulum", 6),
    ("Endosomes", 17),
    ("Focal adhesion sites", 9),
    ("Golgi apparatus", 7),
    ("Intermediate filaments", 8),
    ("Lipid droplets", 17),
    ("Lysosomes", 17),
    ("Microtubules", 10),
    ("Midbody", None),
    ("Mitochondria", 14),
    ("Mitotic chromosome", None),
    ("Mitotic spindle", 11),
    ("Nuclear bodies", 5),
    ("Nuclear membrane", 1),
    ("Nuclear speckles", 4),
    ("Nucleoli", 2),
    ("Nucleoli fibrillar center", 3),
    ("Nucleoli rim", None),
    ("Nucleoplasm", 0),
    ("Peroxisomes", 17),
    ("Plasma membrane", 13),
    ("Vesicles", 17),
    ("Negative", 18),
)
"""Name and location of each class, None for those that the competition does not have."""
