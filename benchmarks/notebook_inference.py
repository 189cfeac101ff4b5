"""Inference the way the competition's public notebooks do it: plain loops over cells, views and classes.

Each cell has a mask and four masked planes of the whole image; each is cut, resized and normalised alone; the network
sees one crop at a time, once a view; each class of each cell is encoded anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from jaxtyping import Bool, UInt8
from torch import Tensor, nn

from benchmarks.encoding import competition_string
from hpa.interfaces import CellBatch

Planes = UInt8[np.ndarray, "channel height width"]


@dataclass
class NotebookInference:
    """The loops, and the seconds of the network in them, of the CPU and the clock."""

    model: nn.Module
    views: Sequence[Callable[[Tensor], Tensor]]
    channels: Sequence[str]
    side_px: int
    network_s: float = 0.0
    network_clock_s: float = 0.0
    rows: list[str] = field(default_factory=list)

    def predict(self, folder: Path, label_maps: Path, image_id: str) -> None:
        """Add the row of one image."""
        planes = np.stack(
            [np.asarray(cv2.imread(str(folder / f"{image_id}_{name}.png"), -1)) for name in self.channels]
        )
        label_map = np.asarray(cv2.imread(str(label_maps / f"{image_id}.png"), -1))
        words = []
        for number in np.unique(label_map[label_map > 0]):
            mask = label_map == number
            probabilities = self._probabilities(_crop(planes * mask, mask, self.side_px))
            for class_number, probability in enumerate(probabilities.tolist()):
                words.append(f"{class_number} {probability} {competition_string(mask)}")
        self.rows.append(f"{image_id},{label_map.shape[1]},{label_map.shape[0]},{' '.join(words)}\n")

    def _probabilities(self, crop: Planes) -> Tensor:
        pixels = torch.from_numpy(crop.astype(np.float32) / 255)[None]
        began, clock_began = time.process_time(), time.monotonic()
        with torch.no_grad():
            views = [self.model(_batch_of(view(pixels))).logits.sigmoid() for view in self.views]
        self.network_s += time.process_time() - began
        self.network_clock_s += time.monotonic() - clock_began
        return torch.stack(views).mean(dim=0)[0]


def _batch_of(crops: Tensor) -> CellBatch:
    number = torch.zeros(1, dtype=torch.int64)
    return CellBatch(crops, number, number, torch.ones(1, dtype=torch.int64), torch.zeros(1, 0))


def _crop(masked: Planes, mask: Bool[np.ndarray, "height width"], side_px: int) -> Planes:
    """Return the square around a cell, at the network's side; the resizing is that of the package."""
    rows, columns = np.where(mask)
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    side = int(max(bottom - top, right - left))
    side += side % 2
    # a frame of zeros, so that the square may reach beyond the image
    framed = np.pad(masked, ((0, 0), (side, side), (side, side)))
    up, start = (top + bottom - side) // 2 + side, (left + right - side) // 2 + side
    return np.stack([_resized(plane[up : up + side, start : start + side], side_px) for plane in framed])


def _resized(plane: UInt8[np.ndarray, "side side"], side_px: int) -> UInt8[np.ndarray, "side_px side_px"]:
    if len(plane) >= 2 * side_px:
        plane = np.asarray(cv2.resize(plane, (len(plane) // 2, len(plane) // 2), interpolation=cv2.INTER_AREA))
    how = cv2.INTER_AREA if len(plane) > side_px else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(plane, (side_px, side_px), interpolation=how))
