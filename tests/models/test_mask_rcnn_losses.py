from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import avg_pool2d, grid_sample, max_pool2d
from torchvision.ops import masks_to_boxes

from hpa.core.errors import InputError
from hpa.models.mask_rcnn_losses import boxes_of_numbers, detection_targets, masks_in_boxes
from tests.models.drawn_discs import disc_batch


def discs(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    batch = disc_batch(seed, images=1, rows=4, columns=5)
    return batch.label_maps[0], batch.instance_classes[0]


@given(st.integers(0, 1000))
def test_boxes_are_those_of_full_masks_with_the_last_pixel_inside(seed):
    label_map, classes = discs(seed)
    targets = detection_targets(label_map, classes)
    full = torch.stack([label_map == number for number in targets["numbers"]])
    expected = masks_to_boxes(full) + torch.tensor([0, 0, 1, 1])
    assert torch.equal(targets["boxes"], expected)
    assert torch.equal(targets["labels"], classes + 1)


def test_a_single_pixel_has_a_box_of_side_one_and_what_is_cut_away_none():
    label_map = torch.zeros(8, 9, dtype=torch.int32)
    label_map[7, 8] = 3
    targets = detection_targets(label_map, torch.tensor([0, 0, 4]))
    assert targets["boxes"].tolist() == [[8, 7, 9, 8]]
    assert targets["labels"].tolist() == [5]
    assert targets["numbers"].tolist() == [3]


def test_the_label_map_is_the_only_mask():
    label_map, classes = discs(0)
    targets = detection_targets(label_map, classes)
    assert targets.pop("masks") is label_map
    assert sum(value.nbytes for value in targets.values()) == len(classes) * (4 * 4 + 8 + 8)


def test_an_empty_map_has_no_boxes():
    targets = detection_targets(torch.zeros(8, 9, dtype=torch.int64), torch.zeros(0, dtype=torch.int64))
    assert targets["boxes"].shape == (0, 4)
    assert targets["labels"].shape == (0,)


def test_more_instances_than_classes_are_refused():
    with pytest.raises(InputError, match="instance 5, but classes are given for 2"):
        boxes_of_numbers(torch.full((3, 3), 5), 2)


@given(st.integers(0, 1000))
def test_masks_in_boxes_are_those_cut_out_of_full_masks(seed):
    label_map, classes = discs(seed)
    targets = detection_targets(label_map, classes)
    draw = torch.Generator().manual_seed(seed)
    boxes = targets["boxes"] + torch.rand(targets["boxes"].shape, generator=draw) * 4 - 2
    full = torch.stack([label_map == number for number in targets["numbers"]]).double()
    along = (torch.arange(56) + 0.5) / 56
    x, y = (boxes[:, [k]] + (boxes[:, [k + 2]] - boxes[:, [k]]) * along for k in (0, 1))
    places = torch.stack([x[:, None, :].expand(-1, 56, -1), y[:, :, None].expand(-1, -1, 56)], dim=-1)
    grid = 2 * places.double() / torch.tensor([full.shape[2], full.shape[1]]) - 1
    expected = avg_pool2d(grid_sample(full[:, None], grid, mode="nearest", align_corners=False), 2)[:, 0]
    masks = masks_in_boxes(label_map, boxes, targets["numbers"], 28)
    between = ((places - places.round()).abs() < 1e-3).any(dim=-1)  # points between two pixels may fall to either
    certain = max_pool2d(between[:, None].float(), 2)[:, 0] == 0
    assert certain.float().mean() > 0.9
    assert torch.equal(masks[certain].double(), expected[certain])


def test_an_instance_fills_its_own_box_exactly():
    label_map = torch.zeros(40, 60, dtype=torch.int64)
    label_map[10:17, 20:34] = 1
    whole = masks_in_boxes(label_map, torch.tensor([[20.0, 10, 34, 17]]), torch.tensor([1]), 28)
    assert (whole == 1).all()
    right_half = masks_in_boxes(label_map, torch.tensor([[27.0, 10, 41, 17]]), torch.tensor([1]), 28)
    assert right_half[0, :, :14].min() == 1
    assert right_half[0, :, 14:].max() == 0


def test_nothing_is_covered_beyond_the_image():
    label_map = torch.ones(20, 20, dtype=torch.int64)
    covered = masks_in_boxes(label_map, torch.tensor([[-20.0, 0, 20, 40]]), torch.tensor([1]), 4)
    assert covered[0].tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]]
