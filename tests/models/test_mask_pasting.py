from __future__ import annotations

import tracemalloc

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import grid_sample
from torchvision.models.detection.roi_heads import paste_masks_in_image

from hpa.core.matching import iou_matrix
from hpa.models.mask_pasting import MaskPasting

ALL = MaskPasting(threshold=0.5, min_px=1, min_share=0.0)


def blobs(seed: int, count: int, height: int, width: int, side: int = 28):
    """Draw boxes anywhere, some over the edge, and a smooth blob in each."""
    rng = np.random.default_rng(seed)
    centres = rng.uniform(0, 1, (count, 2)) * [width, height]
    half = rng.uniform(1.5, 0.2 * min(height, width), (count, 2))
    boxes = np.concatenate([centres - half, centres + half], axis=1).astype(np.float32)
    grid = (np.arange(side) + 0.5) / side * 2 - 1
    radius = np.hypot(grid[:, None], grid[None, :])
    reach = rng.uniform(0.7, 1.2, (count, 1, 1))
    return boxes, (1 / (1 + np.exp(8 * (radius - reach)))).astype(np.float32)


def full_size_paste(boxes, masks, height, width):
    """Place every mask on the whole image by torch's sampling, as detectors do that paste."""
    y, x = np.meshgrid(np.arange(height) + 0.5, np.arange(width) + 0.5, indexing="ij")
    pasted = []
    for (left, top, right, bottom), mask in zip(boxes.astype(np.float64), masks, strict=True):
        grid = np.stack([(x - left) / (right - left) * 2 - 1, (y - top) / (bottom - top) * 2 - 1], axis=-1)
        source = torch.from_numpy(mask.astype(np.float64))[None, None]
        placed = grid_sample(source, torch.from_numpy(grid)[None], padding_mode="border", align_corners=False)
        inside = (x >= left) & (x < right) & (y >= top) & (y < bottom)
        pasted.append(np.where(inside, placed[0, 0].numpy(), 0))
    return np.array(pasted).reshape(-1, height, width)


def first_come(pasted):
    """Give each pixel to the first mask that reaches a half there."""
    reached = np.concatenate([np.zeros_like(pasted[:1]), pasted]) >= 0.5
    return np.where(reached.any(0), reached.argmax(0), 0)


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(20, 90), st.integers(20, 90))
def test_it_equals_pasting_on_the_whole_image(seed, count, height, width):
    boxes, masks = blobs(seed, count, height, width)
    label_map, kept = ALL.paste(boxes, masks, height, width)
    expected = first_come(full_size_paste(boxes, masks, height, width))
    numbers = np.concatenate([[0], kept + 1])
    # OpenCV counts in 1/32 of a mask pixel: a few pixels on the outline may go the other way
    assert (numbers[label_map] != expected).mean() < 0.005


def test_it_agrees_with_pasting_by_torchvision():
    boxes, masks = blobs(1, 40, 512, 512)
    pasted = paste_masks_in_image(torch.from_numpy(masks)[:, None], torch.from_numpy(boxes), (512, 512))
    for box, mask, reference in zip(boxes, masks, pasted[:, 0].numpy() > 0.5, strict=True):
        pasted_here, _ = ALL.paste(box[None], mask[None], 512, 512)
        if pasted_here.sum() > 400:  # the reference is up to a pixel off
            assert iou_matrix(pasted_here, reference.astype(np.int32))[0, 0] > 0.85


@given(st.integers(0, 10_000), st.integers(0, 12))
def test_numbers_have_no_gaps_and_follow_the_order(seed, count):
    boxes, masks = blobs(seed, count, 60, 80)
    pasting = MaskPasting(threshold=0.5, min_px=5, min_share=0.5)
    label_map, kept = pasting.paste(boxes, masks, 60, 80)
    areas = np.bincount(label_map.ravel(), minlength=len(kept) + 1)[1:]
    assert len(areas) == len(kept)
    assert (areas >= 5).all()
    assert (np.diff(kept) > 0).all()


def test_a_second_detection_of_a_cell_leaves_no_rim():
    box = np.array([[4, 4, 20, 20], [2, 2, 22, 22], [30, 4, 40, 14]], np.float32)
    label_map, kept = MaskPasting(0.5, 1, 0.5).paste(box, np.ones((3, 28, 28), np.float32), 30, 50)
    assert kept.tolist() == [0, 2]
    assert (label_map == 1).sum() == 16 * 16
    assert (label_map == 2).sum() == 10 * 10


def test_a_box_without_a_pixel_centre_or_outside_of_the_image_is_dropped():
    boxes = np.array([[4.6, 4.6, 5.4, 5.4], [40, 0, 60, 10], [-9, -9, 0, 0], [1, 1, 1, 5]], np.float32)
    label_map, kept = ALL.paste(boxes, np.ones((4, 28, 28), np.float32), 30, 30)
    assert not label_map.any()
    assert len(kept) == 0


def test_memory_is_that_of_the_label_map_and_a_box():
    boxes, masks = blobs(0, 200, 512, 512)
    tracemalloc.start()
    ALL.paste(boxes, masks, 512, 512)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3 * 512 * 512 * 4  # 200 full-size masks are 210 MB
