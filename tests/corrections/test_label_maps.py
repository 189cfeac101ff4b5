import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.corrections.label_maps import CorrectedSegmenter, new_numbers
from hpa.corrections.table import ImageCorrections, digest_of_cells

CELLS = np.repeat(np.arange(6, dtype=np.int32), 4).reshape(6, 4)
FIELDS = [Field(name, np.zeros((1, 6, 4), np.uint8), ("green",), 1.0) for name in ("a", "b")]


class Stripes:
    """Five cells, of which the third has a nucleus."""

    channels = ("green",)

    def segment(self, fields):
        return [Segmentation(CELLS, np.where(CELLS == 3, CELLS, 0)) for _ in fields]

    def fingerprint(self):
        return {"stripes": 5}


def test_cells_are_merged_and_deleted_and_numbered_anew():
    image = ImageCorrections(digest_of_cells(CELLS), merged={3: 2}, deleted={1})
    segmenter = CorrectedSegmenter(Stripes(), {"a": image})
    changed, other = segmenter.segment(FIELDS)
    np.testing.assert_array_equal(changed.cells[:, 0], [0, 0, 1, 1, 2, 3])
    np.testing.assert_array_equal(changed.nuclei[:, 0], [0, 0, 0, 1, 0, 0])
    np.testing.assert_array_equal(other.cells, CELLS)
    assert segmenter.fingerprint() == Stripes().fingerprint()
    assert segmenter.fingerprint_of("a")["merged"] == [[3, 2]]
    assert segmenter.fingerprint_of("b") == {}


def test_corrections_of_another_segmentation_are_refused():
    image = ImageCorrections(digest_of_cells(CELLS[::-1]), deleted={1})
    with pytest.raises(InputError, match="another segmentation"):
        CorrectedSegmenter(Stripes(), {"a": image}).segment(FIELDS)


def test_a_cell_that_does_not_exist_is_refused():
    with pytest.raises(InputError, match="cell 9"):
        new_numbers(ImageCorrections("", classes={9: ()}), np.arange(1, 6, dtype=np.int32))


@given(st.dictionaries(st.integers(1, 8), st.integers(1, 8), max_size=8), st.sets(st.integers(1, 8), max_size=4))
def test_whatever_is_merged_numbers_have_no_gaps_and_parts_share_one(merged, deleted):
    table = new_numbers(ImageCorrections("", merged=merged, deleted=deleted), np.arange(1, 9, dtype=np.int32))
    assert table[0] == 0
    np.testing.assert_array_equal(np.unique(table[table > 0]), np.arange(1, table.max(initial=0) + 1))
    for cell, into in merged.items():
        assert table[cell] == table[into]
