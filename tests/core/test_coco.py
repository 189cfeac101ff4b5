import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from hpa.core.coco import annotations_of, paint, run_text_of
from hpa.core.errors import InputError
from hpa.core.label_map import relabel
from tests.core.random_label_maps import label_maps

# pycocotools 2.0 hands its masks to numpy 2 in the way of numpy 1
OLD_NUMPY_PROTOCOL = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@given(label_maps())
def test_annotations_are_those_of_pycocotools_and_come_back(label_map):
    cells = relabel(label_map)
    annotations = annotations_of(cells)
    assert len(annotations) == cells.max()
    for number, annotation in enumerate(annotations, start=1):
        run_lengths = coco_mask.encode(np.asfortranarray((cells == number).astype(np.uint8)))
        assert annotation["segmentation"]["counts"] == run_lengths["counts"].decode()
        assert annotation["area"] == coco_mask.area(run_lengths)
        assert annotation["bbox"] == coco_mask.toBbox(run_lengths).tolist()
    texts = [run_text_of(annotation["segmentation"], *cells.shape) for annotation in annotations]
    painted = paint(texts, *cells.shape)
    assert np.array_equal(painted.label_map, cells)
    assert painted.shared_px == 0
    assert painted.hidden == ()


def test_shared_pixels_go_to_the_smaller_instance_and_hidden_ones_are_listed():
    masks = np.zeros((4, 6, 8), bool)
    masks[0, :, :4], masks[1, 1:3, 1:3], masks[2, 1:3, 1:3] = True, True, True
    painted = paint([coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))["counts"] for mask in masks], 6, 8)
    assert (painted.label_map[1:3, 1:3] == 3).all()
    assert (painted.label_map == 1).sum() == 24 - 4
    assert painted.shared_px == 8
    assert painted.hidden == (2, 4)


@OLD_NUMPY_PROTOCOL
def test_polygons_and_plain_run_lengths_are_read():
    square = [1.0, 1.0, 1.0, 4.0, 4.0, 4.0, 4.0, 1.0]
    text = run_text_of([square, [6, 1, 6, 3, 8, 3, 8, 1]], 6, 10)
    expected = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects([square, [6, 1, 6, 3, 8, 3, 8, 1]], 6, 10)))
    assert np.array_equal(paint([text], 6, 10).label_map, expected)
    plain = run_text_of({"size": [2, 3], "counts": [1, 2, 3]}, 2, 3)
    assert paint([plain], 2, 3).label_map.T.ravel().tolist() == [0, 1, 1, 0, 0, 0]


@pytest.mark.parametrize(
    ("segmentation", "reason"),
    [
        (None, "neither polygons"),
        ({"size": [3, 2], "counts": "x"}, "the image has"),
        ({"size": [2, 3], "counts": [1, 2]}, "sum to 6"),
        ({"size": [2, 3], "counts": [-1, 7]}, "sum to 6"),
        ({"size": [2, 3], "counts": "µ"}, "sum to 6"),
        ([], "empty list"),
        ([[1, 2, 3, 4]], "three points"),
        ([[1, 2, 3, 4, 5, float("nan")]], "NaN or infinite"),
        ([[0, 0, 1, 1, 10**400, 1]], "a number that is no pixel"),
        ([[0, 0, 1e8, 1, 1, 1]], "off the canvas"),
        ([[0, 0, 1e9, 1, 1, 1e9]], "off the canvas"),
        ([[0, 0, 3, 2] * 1000], "longer than the 6 px of the canvas"),
        ({"size": 3, "counts": "06"}, "the image has"),
        ({"size": [2, 3], "counts": [0, 1 << 64, 6]}, "sum to 6"),
        ([["1", "2", "3", "4", "5", "6"]], "three points"),
    ],
)
def test_segmentations_that_cannot_be_read_are_refused(segmentation, reason):
    with pytest.raises(InputError, match=reason):
        run_text_of(segmentation, 2, 3)


def test_no_instance_gives_an_empty_map():
    assert not paint([], 4, 5).label_map.any()


@OLD_NUMPY_PROTOCOL
@given(st.lists(st.lists(st.tuples(st.floats(0, 12), st.floats(0, 9)), min_size=3, max_size=6), min_size=1, max_size=5))
def test_several_polygons_are_united_as_pycocotools_does(polygons):
    flat = [[float(value) for vertex in polygon for value in vertex] for polygon in polygons]
    expected = coco_mask.merge(coco_mask.frPyObjects(flat, 9, 12))
    assert np.array_equal(paint([run_text_of(flat, 9, 12)], 9, 12).label_map, coco_mask.decode(expected))


def test_polygons_without_a_pixel_are_a_mask_without_a_pixel():
    assert not paint([run_text_of([[1.0, 1.0] * 3, [2.0, 2.0] * 3], 4, 4)], 4, 4).label_map.any()
