from __future__ import annotations

import numpy as np
import pytest

from hpa.core.errors import InputError
from hpa.interfaces import Instances, PixelTarget
from hpa.models.mask_rcnn import NoTarget
from tests.roles import assert_fills


def test_there_are_no_planes_at_any_size():
    target = NoTarget()
    assert_fills(target, PixelTarget)
    planes = target.planes(Instances(np.zeros((5, 7), np.int32), np.zeros(0, np.int64)))
    assert planes.shape == (target.plane_count, 5, 7)
    assert target.rotate_vectors(planes, np.eye(2)) is planes


def test_there_is_nothing_to_read():
    with pytest.raises(InputError, match=r"model\.instances"):
        NoTarget().read(np.zeros((0, 5, 7), np.float32))
