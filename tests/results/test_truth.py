import numpy as np
import pytest

from hpa.core.errors import InputError
from hpa.core.matching import match_cells
from hpa.results.found_cells import masks_of
from hpa.results.truth import TrueImage
from hpa.sources.cell_truth import MATCH_IOU


def image_of(label_map, classes=1):
    masks = list(masks_of(label_map))
    return TrueImage(masks, np.arange(1, len(masks) + 1, dtype=np.float32)[:, None].repeat(classes, axis=1))


def test_a_cell_has_the_classes_of_the_true_cell_that_the_label_maps_match():
    random = np.random.default_rng(0)
    true, found = (random.integers(0, 5, (8, 8)).repeat(2, axis=0).astype(np.int32) for _ in range(2))
    found = np.where(random.random(true.shape) < 0.9, true, found)
    expected = [int(match_cells((found == number).astype(np.int32), true, MATCH_IOU)[0]) for number in range(1, 5)]
    got = image_of(true).targets_of(masks_of(found))[:, 0]
    assert np.nan_to_num(got).astype(int).tolist() == expected
    assert any(expected)


def test_cells_without_classes_or_pixels_match_and_are_counted():
    label_map = np.array([[1, 0, 2]], np.int32)
    assert image_of(label_map, classes=0).targets_of(masks_of(label_map)).shape == (2, 0)
    assert np.isnan(image_of(label_map).targets_of([np.zeros((1, 3), bool)])).all()
    with pytest.raises(InputError, match="the masks"):
        image_of(label_map).targets_of([np.zeros((2, 3), bool)])
