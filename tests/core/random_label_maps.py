"""Label maps of any shape and the competition's encoder, for the tests of this folder."""

import base64
import zlib

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco_mask

SIDES = st.integers(1, 12)
FEW = st.integers(0, 5)


@st.composite
def label_maps(draw, numbers=FEW):
    """Blocks of a few numbers, enlarged now and then, so that runs are long as well as short."""
    small = draw(arrays.arrays(np.int32, st.tuples(SIDES, SIDES), elements=numbers))
    return small.repeat(draw(st.sampled_from([1, 1, 7])), axis=0).repeat(draw(st.sampled_from([1, 3])), axis=1)


def competition_string(mask):
    """The encoding of one mask as the competition's page describes it."""
    counts = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"]
    return base64.b64encode(zlib.compress(counts, zlib.Z_BEST_COMPRESSION)).decode("ascii")
