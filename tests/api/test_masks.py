import numpy as np
import pytest

import hpa
from hpa.core.encoding import encode_mask


def test_masks_and_label_maps_survive():
    label_map = np.array([[0, 1, 1], [2, 2, 0]], np.int32)
    texts = hpa.encode(label_map)
    assert texts == {1: encode_mask(label_map == 1), 2: encode_mask(label_map == 2)}
    assert (hpa.decode(texts, 2, 3) == label_map).all()
    assert hpa.encode(label_map == 2) == texts[2]
    assert (hpa.decode(texts[2], 2, 3) == (label_map == 2)).all()


@pytest.mark.parametrize("wrong", [np.zeros((2, 2)), np.zeros((1, 2, 2), bool), [["a"]]])
def test_anything_else_is_refused(wrong):
    with pytest.raises(hpa.InputError, match=r"a mask \(bool\) or a label map"):
        hpa.encode(wrong)
