"""The synthetic worlds: each differs from the standard one in one respect, so that a claim can be checked on all.

They were chosen once, before any strategy was run on them, and stay as they are. `held_out` differs in several
respects; nothing is tuned on it, and no result on it is looked at before a claim is final.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hpa.core.classes import LOCATIONS
from hpa.core.errors import InputError
from hpa.simulation.annotation import AnnotationNoise
from hpa.simulation.camera import CONFOCAL, Optics
from hpa.simulation.cell_lines import CELL_LINES, OTHER_LINES, CellLine
from hpa.simulation.image_labels import RAISED, ClassFrequencies
from hpa.simulation.positivity import STANDARD_RULES, PositivityRules
from hpa.simulation.specimen import STANDARD_STAINING, Staining

_NO_ERRORS = AnnotationNoise.none(len(LOCATIONS))


@dataclass(frozen=True)
class World:
    """What the fields of a synthetic data set are drawn from.

    Attributes:
        name: As in `hpa synth --world`.
        difference: From the standard world, in a few words.
        lines: Cell lines, each equally frequent.
        frequencies: How often images show each class.
        positivity: How far cells depart from their image.
        staining: How bright the protein is.
        optics: Blur and noise of the microscope.
        annotation: How annotators of images err. What they name is what the image shows, apart from these errors.
    """

    name: str
    difference: str
    lines: tuple[CellLine, ...] = CELL_LINES
    frequencies: ClassFrequencies = RAISED
    positivity: PositivityRules = STANDARD_RULES
    staining: Staining = STANDARD_STAINING
    optics: Optics = CONFOCAL
    annotation: AnnotationNoise = field(default=_NO_ERRORS)


def _crowded(factor: float) -> tuple[CellLine, ...]:
    return tuple(replace(line, cells_in_field=line.cells_in_field * factor) for line in CELL_LINES)


def _errors(miss: float = 0.0, invent: float = 0.0, main_only: float = 0.0) -> AnnotationNoise:
    """Return errors of one rate; Negative is neither missed nor invented."""
    classes = len(LOCATIONS) - 1
    return AnnotationNoise((*(miss,) * classes, 0.0), (*(invent,) * classes, 0.0), main_only)


_MISSED_BY_CLASS = (
    *(0.02, 0.25, 0.05, 0.35, 0.10, 0.40, 0.15, 0.05, 0.20, 0.30),
    *(0.10, 0.30, 0.45, 0.15, 0.05, 0.35, 0.25, 0.20, 0.0),
)
"""Small and faint patterns are overlooked more often than large ones."""
_INVENTED_BY_CLASS = (
    *(0.10, 0.01, 0.02, 0.005, 0.01, 0.02, 0.03, 0.01, 0.01, 0.01),
    *(0.005, 0.002, 0.01, 0.03, 0.02, 0.002, 0.12, 0.03, 0.0),
)
"""Nucleoplasm and cytosol are named where there is only haze."""

STANDARD = World("standard", "harder than the Atlas: copied labels have precision .61, recall .74")
WORLDS: dict[str, World] = {
    world.name: world
    for world in (
        STANDARD,
        World("kinder", "cells depart less from their image", positivity=STANDARD_RULES.completed(0.6)),
        World(
            "harsher",
            "cells depart more from their image; 8 % of the labels missed, 1 % of the absent classes invented",
            positivity=replace(STANDARD_RULES.scaled(0.8), nonexpressing=(1.6, 7.4), overflow_chance=0.8),
            annotation=_errors(miss=0.08, invent=0.01),
        ),
        World(
            "by_class",
            "labels missed and invented at other rates for each class, 0 to 45 % and 0 to 12 %",
            annotation=AnnotationNoise(_MISSED_BY_CLASS, _INVENTED_BY_CLASS),
        ),
        World("co_omission", "of 40 % of the images only the main class is named", annotation=_errors(main_only=0.4)),
        World("lines", "six other cell lines", lines=OTHER_LINES),
        World("sparse", "0.4 times the cells in a field", lines=_crowded(0.4)),
        World("dense", "1.7 times the cells in a field", lines=_crowded(1.7)),
        World(
            "faint",
            "half the protein, more haze, traces in cells that count as negative",
            staining=replace(STANDARD_STAINING, protein_gain=0.38, trace_gain=0.12, haze=(0.04, 0.12)),
        ),
        World(
            "rare",
            "classes as frequent as in the Atlas, down to 1.6 images of 1,000",
            frequencies=replace(RAISED, rare_are_raised=False),
        ),
        World(
            "widefield",
            "a 20x objective: three times the blur, a third of the light, more read noise",
            optics=Optics(psf_um=0.36, photons=(20.0, 170.0), read_noise=(0.015, 0.04), offset=(0.01, 0.04)),
        ),
        World(
            "held_out",
            "several differences at once; not to be looked at before a claim is final",
            lines=(*OTHER_LINES[:3], *CELL_LINES[:2]),
            positivity=replace(STANDARD_RULES.completed(0.25), nonexpressing=(1.0, 5.0), overflow_chance=0.4),
            staining=replace(STANDARD_STAINING, protein_gain=0.55, protein_spread=0.5, trace_gain=0.08),
            optics=Optics(psf_um=0.2, photons=(40.0, 300.0), vignette=(0.1, 0.5)),
            annotation=AnnotationNoise(
                (*(round(0.6 * rate, 3) for rate in reversed(_MISSED_BY_CLASS[:-1])), 0.0),
                (*(round(0.5 * rate, 4) for rate in reversed(_INVENTED_BY_CLASS[:-1])), 0.0),
                main_only=0.15,
            ),
        ),
    )
}
"""Every world by its name."""


def world_named(name: str) -> World:
    """Return a world.

    Raises:
        InputError: If there is none of this name.
    """
    if name not in WORLDS:
        raise InputError(f"there is no world '{name}'; choose one of {', '.join(WORLDS)}.")
    return WORLDS[name]
