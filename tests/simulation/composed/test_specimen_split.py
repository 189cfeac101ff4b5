from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import DataError
from hpa.simulation.composed.cell_library import CellCrop, CellLibrary
from hpa.simulation.composed.class_numbers import ClassNumbers
from hpa.simulation.composed.specimen_split import split_by_specimen


def library_of(specimens):
    """Return a library of specimens given as the classes of their cells."""
    crops = [
        CellCrop(Path(f"{name}_{cell}"), None, (kind,), str(name))
        for name, kinds in enumerate(specimens)
        for cell, kind in enumerate(kinds)
    ]
    return CellLibrary(tuple(crops), ClassNumbers({"a": 0, "b": 1, "c": 2}, are_locations=False))


specimen_lists = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=9), max_size=12).map(
    lambda found: [*([kind] * 2 for kind in (0, 1, 2) for _ in range(2)), *found]
)


@given(specimens=specimen_lists, share=st.floats(0.05, 0.5), seed=st.integers(0, 99))
def test_no_specimen_is_in_both_splits_and_every_class_is(specimens, share, seed):
    library = library_of(specimens)
    crops = split_by_specimen(library, share, seed)
    names = {split: {crop.specimen for crop in found} for split, found in crops.items()}
    assert not names["train"] & names["test"]
    assert len(crops["train"]) + len(crops["test"]) == len(library.crops)
    for found in crops.values():
        assert {kind for crop in found for kind in crop.classes} == {0, 1, 2}


def test_each_class_gives_its_share():
    library = library_of([[kind] * 3 for kind in (0, 1, 2) for _ in range(20)])
    crops = split_by_specimen(library, 0.25, seed=0)
    assert [sum(crop.classes == (kind,) for crop in crops["test"]) for kind in (0, 1, 2)] == [15, 15, 15]


def test_another_seed_gives_other_specimens():
    library = library_of([[0, 1, 2]] * 12)
    chosen = {frozenset(crop.specimen for crop in split_by_specimen(library, 0.25, seed)["test"]) for seed in range(8)}
    assert len(chosen) > 3


def test_a_class_of_one_specimen_is_named():
    with pytest.raises(DataError, match="b: its 3 cells come from 1 specimen, which cannot be divided"):
        split_by_specimen(library_of([[0, 2], [0, 2], [1, 1, 1]]), 0.25, seed=0)
