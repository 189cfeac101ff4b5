from dataclasses import replace

import numpy as np

from hpa.core.classes import NEGATIVE_CLASS
from hpa.simulation.cell_lines import CELL_LINES
from hpa.simulation.culture import FIELD_UM, Phase, grow_culture
from hpa.simulation.positivity import (
    CYTOSOL,
    MICROTUBULES,
    SPINDLE,
    nonexpressing_level,
    positive_classes,
    trace_classes,
)

CELL = grow_culture(np.random.default_rng(0), CELL_LINES[0], FIELD_UM, FIELD_UM, 0.0, one_divides=False)[0]


def shares(cell, labelled, nonexpressing_below=-3.0, draws=400):
    """Return how often each class is shown."""
    rng = np.random.default_rng(0)
    counts = np.zeros(19)
    for _ in range(draws):
        counts[positive_classes(rng, cell, labelled, nonexpressing_below)] += 1
    return counts / draws


def test_nonexpressing_cells_are_negative():
    assert shares(replace(CELL, expression=-2.0), [0, 16], nonexpressing_below=-1.0)[NEGATIVE_CLASS] == 1


def test_cells_of_a_negative_image_are_negative():
    assert shares(replace(CELL, expression=2.0), [NEGATIVE_CLASS])[NEGATIVE_CLASS] == 1


def test_a_spindle_exists_in_mitosis_only():
    assert shares(replace(CELL, phase=Phase.G2), [SPINDLE])[SPINDLE] == 0
    assert shares(replace(CELL, phase=Phase.M), [SPINDLE])[SPINDLE] > 0.8
    assert shares(replace(CELL, phase=Phase.M), [MICROTUBULES])[SPINDLE] > 0.6


def test_nuclear_locations_dissolve_in_mitosis():
    found = shares(replace(CELL, phase=Phase.M, expression=0.0), [1, 2])
    assert found[[1, 2]].sum() == 0
    assert found[CYTOSOL] == 1


def test_positivity_follows_the_traits_of_the_cell():
    small, large = replace(CELL, phase=Phase.G1, size=0.8), replace(CELL, phase=Phase.G1, size=1.2)
    assert shares(large, [9])[9] > shares(small, [9])[9] + 0.3
    early, late = replace(CELL, phase=Phase.G1), replace(CELL, phase=Phase.G2)
    assert shares(late, [12])[12] > shares(early, [12])[12] + 0.2
    assert shares(replace(CELL, crowding=1.0), [13])[13] > shares(replace(CELL, crowding=0.0), [13])[13] + 0.2


def test_bright_cells_overflow_into_classes_the_image_does_not_name():
    bright, dim = replace(CELL, phase=Phase.G1, expression=2.0), replace(CELL, phase=Phase.G1, expression=0.5)
    assert shares(bright, [14])[CYTOSOL] > 0.3
    assert shares(dim, [14])[[14, CYTOSOL]].sum() == 1


def test_traces_are_labels_of_the_image_that_the_cell_is_negative_for():
    assert trace_classes(replace(CELL, phase=Phase.S), [0, 5, SPINDLE], [0]) == [5]
    assert trace_classes(replace(CELL, phase=Phase.M), [5, 14], [16]) == [14]


def test_nonexpressing_levels_differ_between_images():
    levels = [nonexpressing_level(np.random.default_rng(seed)) for seed in range(200)]
    assert -1.6 < np.median(levels) < -1.1
    assert np.std(levels) > 0.2
