"""What Mask R-CNN finds in a field, kept in boxes and painted, against torchvision's masks of the size of the image.

The peer is torchvision's own `paste_masks_in_image`, which its detectors end with, and the loop anybody writes to get a
label map from it. It is run on a few instances at a time, as 300 masks of 2048² at once are 5 GB.
"""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float32, Int32
from torch import Tensor
from torchvision.models.detection.roi_heads import paste_masks_in_image

from benchmarks.cells import field_of_cells
from benchmarks.row import Row, cpu_ms
from hpa.core.label_map import relabel
from hpa.core.matching import count_matches, iou_matrix
from hpa.models.mask_pasting import MaskPasting
from hpa.models.mask_rcnn_losses import boxes_of_numbers, masks_in_boxes

SIDE_PX = 2048
CELLS = 300
MASK_SIDE = 28
AT_A_TIME = 20
IOU = 0.8
MIN_AGREEMENT = 0.97

LabelMap = Int32[np.ndarray, "height width"]


def measure() -> list[Row]:
    """Compare bytes of the results, and CPU time to a label map; both maps must show the same cells."""
    boxes, masks = _found()
    pasting = MaskPasting(threshold=0.5, min_px=4, min_share=0.5)

    def ours() -> LabelMap:
        return pasting.paste(boxes.numpy(), masks.numpy(), SIDE_PX, SIDE_PX)[0]

    def peer() -> LabelMap:
        return _painted_from_full_masks(boxes, masks)[0]

    agreement = count_matches(iou_matrix(ours(), peer()), IOU).average_precision
    if agreement < MIN_AGREEMENT:
        raise AssertionError(f"AP@{IOU} of the painted cells against the pasted ones is {agreement:.3f}")
    ours_mb = (boxes.nbytes + masks.nbytes) / 1e6
    peer_mb = _painted_from_full_masks(boxes, masks)[1] / 1e6
    ours_ms, peer_ms = cpu_ms(ours, repeats=5), cpu_ms(peer, repeats=1)
    what = f"{len(boxes)} instances of {SIDE_PX}² by Mask R-CNN"
    return [
        Row(f"results of {what}, against full-size masks", ours_mb, peer_mb, peer_mb / ours_mb, "MB"),
        Row(f"label map of {what}, against pasting full-size masks", ours_ms, peer_ms, peer_ms / ours_ms, "ms"),
    ]


def _found() -> tuple[Float32[Tensor, "instance 4"], Float32[Tensor, "instance side side"]]:
    """Return what a perfect detector would say of a crowded field: its boxes, and each cell in the frame of its box."""
    label_map = torch.from_numpy(relabel(field_of_cells(SIDE_PX, CELLS, seed=0)))
    numbers = torch.arange(1, int(label_map.max()) + 1)
    boxes = boxes_of_numbers(label_map, len(numbers))
    return boxes, masks_in_boxes(label_map, boxes, numbers, MASK_SIDE)


def _painted_from_full_masks(boxes: Tensor, masks: Tensor) -> tuple[LabelMap, int]:
    """Return the label map, earlier instances on top, and the bytes of all full-size masks."""
    label_map, held = np.zeros((SIDE_PX, SIDE_PX), np.int32), 0
    for first in range(0, len(boxes), AT_A_TIME):
        some = slice(first, first + AT_A_TIME)
        pasted = paste_masks_in_image(masks[some, None], boxes[some], (SIDE_PX, SIDE_PX))
        held += pasted.nbytes
        for number, mask in enumerate((pasted[:, 0] > 0.5).numpy(), start=first + 1):
            label_map[mask & (label_map == 0)] = number
    return label_map, held
