import tracemalloc

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from hpa.core.errors import InputError
from hpa.core.matching import iou_matrix
from hpa.inference.tissue.detections import detect_tiled
from hpa.inference.tissue.predictor import PixelPredictor
from hpa.models.mask_pasting import MaskPasting
from tests.discs import discs
from tests.models.drawn_discs import disc_batch
from tests.models.test_mask_rcnn import small_model

PAINTING = MaskPasting(threshold=0.5, min_px=4, min_share=0.5)


def connected_parts(planes):
    """Stands for a perfect detector: what is connected and bright, also what the tile cuts."""
    pieces = cv2.connectedComponents((planes[0] > 0.5).astype(np.uint8))[1]
    boxes, masks, scores = [], [], []
    for number, (rows, columns) in enumerate(ndimage.find_objects(pieces), start=1):
        boxes.append([columns.start, rows.start, columns.stop, rows.stop])
        mask = (pieces[rows, columns] == number).astype(np.float32)
        masks.append(cv2.resize(mask, (28, 28), interpolation=cv2.INTER_AREA))
        scores.append(planes[0, rows, columns].max())
    return {
        "boxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        "classes": torch.zeros(len(boxes), dtype=torch.int64),
        "scores": torch.tensor(scores, dtype=torch.float32),
        "masks": torch.tensor(np.array(masks, np.float32).reshape(-1, 28, 28)),
        "size_px": torch.tensor(planes.shape[1:]),
    }


def painted(found):
    boxes, masks = found["boxes"].numpy(), found["masks"].numpy()
    return PAINTING.paste(boxes, masks, *found["size_px"].tolist())[0]


def grid_of_discs(rows, columns, pitch_px=24, radius_px=8):
    disc = np.hypot(*(np.indices((pitch_px, pitch_px)) - pitch_px / 2)) < radius_px
    numbers = np.arange(1, rows * columns + 1, dtype=np.int32).reshape(rows, columns)
    return np.kron(numbers, disc.astype(np.int32))


@pytest.mark.slow
def test_five_thousand_cells_of_a_wide_image_are_found_each_once():
    label_map = grid_of_discs(30, 168)
    found = detect_tiled((label_map > 0)[None].astype(np.float32), 640, 192, connected_parts)
    again = painted(found)
    assert label_map.shape == (720, 4032)
    assert again.max() == label_map.max() == 5040
    # which number a pixel has and which it should have go together, but for outlines
    together = np.unique(np.stack([again[12::24, 12::24], label_map[12::24, 12::24]]).reshape(2, -1), axis=1)
    assert together.shape == (2, 5040)
    assert ((again > 0) != (label_map > 0)).mean() < 0.02


@given(st.integers(0, 500), st.integers(48, 90))
@settings(max_examples=25)
def test_tiles_find_what_the_whole_shows(seed, side_px):
    label_map = discs(120, 20, seed)[1]
    apart = np.where(ndimage.grey_dilation(label_map, 3) == label_map, label_map, 0)
    apart = np.where(ndimage.grey_erosion(label_map, 3) == label_map, apart, 0)
    planes = (apart > 0)[None].astype(np.float32)
    whole = painted(connected_parts(planes))
    tiled = painted(detect_tiled(planes, side_px, 40, connected_parts))
    assert tiled.max() == whole.max()
    assert whole.max() == 0 or iou_matrix(tiled, whole).max(axis=0).min() > 0.9


def test_the_most_confident_come_first_and_positions_are_those_of_the_image():
    planes = np.zeros((1, 40, 200), np.float32)
    planes[0, 10:20, 5:15], planes[0, 10:20, 150:165], planes[0, 10:20, 90:100] = 0.6, 0.9, 0.8
    found = detect_tiled(planes, 64, 32, connected_parts)
    assert (found["scores"].diff() <= 0).all()
    # what lies on the middle of an overlap may be kept by both tiles; it is painted once
    scores_of = dict(zip(map(tuple, found["boxes"].tolist()), found["scores"].tolist(), strict=True))
    assert scores_of == pytest.approx({(150, 10, 165, 20): 0.9, (90, 10, 100, 20): 0.8, (5, 10, 15, 20): 0.6})
    assert painted(found).max() == 3
    assert found["size_px"].tolist() == [40, 200]


def test_a_cell_wider_than_a_tile_leaves_no_more_than_its_parts():
    planes = np.zeros((1, 60, 300), np.float32)
    planes[0, 20:40, 20:280] = 1
    label_map = painted(detect_tiled(planes, 64, 16, connected_parts))
    assert ((label_map > 0) == (planes[0] > 0)).mean() > 0.98


def test_nothing_is_found_in_nothing():
    found = detect_tiled(np.zeros((1, 100, 90), np.float32), 64, 16, connected_parts)
    assert found["boxes"].shape == (0, 4)
    assert not painted(found).any()


def test_lengths_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="overlap"):
        detect_tiled(np.zeros((1, 100, 90), np.float32), 64, 64, connected_parts)


def test_a_real_detector_goes_beyond_its_cap_and_sees_one_tile_at_a_time():
    model = small_model(detections={"max_instances": 40, "min_score": 0.0})
    planes = disc_batch(0, images=1, rows=4, columns=30).images[0].numpy()  # 72 x 540 px
    seen = []
    handle = model.network.backbone.register_forward_pre_hook(lambda _module, given: seen.append(given[0].shape[-2:]))
    predictor = PixelPredictor(model, torch.device("cpu"), "fp32", 128, 36, 1)
    tracemalloc.start()
    found = detect_tiled(planes, 128, 36, predictor._detect)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    handle.remove()
    assert len(found["scores"]) > 40
    assert {tuple(shape) for shape in seen} == {(96, 128)}
    assert peak < 20e6
    assert predictor.predict(planes).label_map.shape == (72, 540)
