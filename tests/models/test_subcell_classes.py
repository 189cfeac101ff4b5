from __future__ import annotations

from hpa.core.classes import LOCATION_NAMES
from hpa.models.subcell_head import SUBCELL_LOCATIONS

SPELT_OTHERWISE = {"Vesicles": "Vesicles and punctate cytosolic patterns"}


def test_every_location_is_some_class_and_equal_names_are_equal():
    assert len(SUBCELL_LOCATIONS) == 31
    assert {place for _, place in SUBCELL_LOCATIONS} == {None, *range(len(LOCATION_NAMES))}
    for name, place in SUBCELL_LOCATIONS:
        known = SPELT_OTHERWISE.get(name, name)
        if known in LOCATION_NAMES:
            assert place == LOCATION_NAMES.index(known), name


def test_what_the_competition_merged_is_merged():
    places = dict(SUBCELL_LOCATIONS)
    assert places["Focal adhesion sites"] == places["Actin filaments"]
    assert places["Centriolar satellite"] == places["Centrosome"]
    assert places["Cell Junctions"] == places["Plasma membrane"]
    merged = ("Peroxisomes", "Endosomes", "Lysosomes", "Lipid droplets", "Cytoplasmic bodies")
    assert {places[name] for name in merged} == {places["Vesicles"]}
