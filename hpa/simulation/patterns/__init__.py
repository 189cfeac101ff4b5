"""The pattern of a protein in each of the 18 locations; `DRAWINGS` is ordered as `LOCATIONS` without Negative.

A drawing gives the stain of one cell on its window: 0 where there is none, about 1 where it is bright.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float32

from hpa.simulation.anatomy import Anatomy
from hpa.simulation.patterns import cytoplasm, filaments, nuclear, spots

Drawing = Callable[[Anatomy], Float32[np.ndarray, "height width"]]

DRAWINGS: tuple[Drawing, ...] = (
    nuclear.nucleoplasm,
    nuclear.nuclear_membrane,
    nuclear.nucleoli,
    nuclear.fibrillar_centers,
    nuclear.nuclear_speckles,
    nuclear.nuclear_bodies,
    cytoplasm.endoplasmic_reticulum,
    cytoplasm.golgi_apparatus,
    filaments.intermediate_filaments,
    filaments.actin_filaments,
    filaments.microtubules,
    filaments.mitotic_spindle,
    spots.centrosome,
    cytoplasm.plasma_membrane,
    cytoplasm.mitochondria,
    spots.aggresome,
    cytoplasm.cytosol,
    spots.vesicles,
)
