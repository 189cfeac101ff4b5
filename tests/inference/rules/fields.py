"""Small fields with cells and nuclei, shared by the tests of rules."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from hpa.core.field import Field, Segmentation
from hpa.core.label_map import relabel
from hpa.interfaces import SegmentedField

LABEL_MAPS = arrays(np.int32, st.tuples(st.integers(1, 9), st.integers(1, 12)), elements=st.integers(0, 6)).map(relabel)
CLASS_COUNT = 4


def field_of(cells, nuclei=None, blue=None, pixel_um=1.0) -> SegmentedField:
    planes = np.zeros((2, *cells.shape), np.uint8)
    if blue is not None:
        planes[1] = blue
    return SegmentedField(Field("any", planes, ("green", "blue"), pixel_um), Segmentation(cells, nuclei))


@st.composite
def cases(draw):
    """Cells, nuclei inside some of them, a nuclear stain of any brightness, and confidences of the cells.

    Arrays only: fields are made by `field_and_confidences`, as checks of their types draw random numbers.
    """
    cells = draw(LABEL_MAPS)
    nuclei = np.where(draw(arrays(np.bool_, cells.shape)), cells, 0).astype(np.int32)
    blue = draw(arrays(np.uint8, cells.shape))
    shape = (int(cells.max(initial=0)), CLASS_COUNT)
    return cells, nuclei, blue, draw(arrays(np.float32, shape, elements=st.floats(0, 1, width=32)))


def field_and_confidences(case):
    cells, nuclei, blue, confidences = case
    return field_of(cells, nuclei, blue), confidences
