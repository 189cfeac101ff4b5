import numpy as np
from scipy import ndimage
from scipy.special import expit

from benchmarks.targets import target_of
from hpa.interfaces import Instances
from hpa.models.target.foreground import ForegroundTarget

TARGET = target_of("foreground")


def test_the_plane_is_the_mask():
    label_map = np.random.default_rng(0).integers(0, 4, (9, 13)).astype(np.int32)
    planes = TARGET.planes(Instances(label_map, np.zeros(3, np.int64)))
    np.testing.assert_array_equal(planes[0], label_map > 0)


def test_pieces_are_those_of_scipy_with_corners_joined():
    logits = ndimage.gaussian_filter(np.random.default_rng(1).standard_normal((1, 60, 60)), (0, 2, 2))
    found = ForegroundTarget(0.5, 1).read(logits.astype(np.float32)).label_map
    pieces, count = ndimage.label(logits[0] > 0, np.ones((3, 3)))
    assert found.max() == count
    assert len(set(zip(found.ravel(), pieces.ravel(), strict=True))) == count + 1


def test_what_touches_is_one():
    label_map = np.repeat([[1, 2]], 10, axis=1).repeat(10, axis=0).astype(np.int32)
    planes = TARGET.planes(Instances(label_map, np.zeros(2, np.int64)))
    assert TARGET.read(16 * planes - 8).label_map.max() == 1


def test_probabilities_are_what_thresholds_are_fitted_on():
    logits = np.random.default_rng(2).standard_normal((1, 5, 6)).astype(np.float32)
    np.testing.assert_allclose(TARGET.probabilities(logits), expit(logits[0]), rtol=1e-6)
    found = ForegroundTarget(0.9, 1).read(logits)
    np.testing.assert_array_equal(found.label_map > 0, TARGET.probabilities(logits) > 0.9)
