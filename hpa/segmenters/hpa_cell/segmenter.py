"""The HPA Cell Segmentator: two networks on a field at 0.32 µm a pixel, and rules from their output to label maps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Float32

from hpa.core.digest import sha256_of_file
from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.core.label_map import relabel
from hpa.device import choose_device
from hpa.published.registry import PREFIX, local_file
from hpa.segmenters.hpa_cell.edge_cells import edge_cells_of
from hpa.segmenters.hpa_cell.labelling import label_cells, mode_of
from hpa.segmenters.hpa_cell.network import HpaCellNetwork
from hpa.segmenters.hpa_cell.preprocess import (
    check_scale,
    full_size_planes,
    levels_of,
    network_input,
    rescaled,
    without_margin,
)
from hpa.segmenters.hpa_cell.weights import check_file, load_network

_CODE_VERSION = 2
"""Rises whenever the same settings give other cells, so that stored label maps are made again."""
_MAX_SCALE = 4.0
_PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

Planes = Float32[np.ndarray, "3 padded_height padded_width"]


@dataclass(frozen=True)
class _NetworkInput:
    """A field as input of the networks: its size before padding, and the planes of the nuclei and the cell network."""

    size: tuple[int, int]
    planes: tuple[Planes, Planes]


class HpaCell:
    """Segments cells with the published networks; batched over fields of one size.

    Networks are loaded when the first field comes: runs whose cells are all stored never do.
    """

    def __init__(
        self,
        nuclei_weights: str | Path | None = "hub:hpa_nuclei",
        cell_weights: str | Path | None = None,
        nucleus_channel: str = "blue",
        microtubule_channel: str = "red",
        reticulum_channel: str | None = "yellow",
        network_um: float = 0.32,
        reflect_margin: bool = True,
        mode: str = "fast",
        edge_cells: str = "merged",
        fields_at_once: int = 4,
        device: str = "auto",
        precision: str = "auto",
    ) -> None:
        """Check the settings and the headers of the weights.

        Args:
            nuclei_weights: Converted file of the nuclei network; None: the published one that was fetched.
            cell_weights: That of the cell network, for three stains or for two; None: the published one for these.
            nucleus_channel: Stain of the nuclei, which both networks read.
            microtubule_channel: Stain of the microtubules.
            reticulum_channel: Stain of the endoplasmic reticulum, or None for the network without it.
            network_um: Pixel size of the networks' input.
            reflect_margin: Whether fields get a mirrored margin of a network stride, which helps cells at the edge.
            mode: Labelling `exact` as in the original, at full size, or `fast`.
            edge_cells: What becomes of cells cut by the edge that show no nucleus.
            fields_at_once: Fields of one size that go through the networks together.
            device: As torch names it, or "auto" for the GPU where there is one.
            precision: fp32, bf16, fp16, or "auto" for fp16 on a GPU and fp32 elsewhere.

        Raises:
            InputError: If a value is unknown, or a weights file is missing or of another network.
        """
        self.mode = mode_of(mode)
        self.edge_cells = edge_cells_of(edge_cells)
        self.device = choose_device(device, "segmenter.device")
        if precision not in (*_PRECISIONS, "auto"):
            raise InputError(f"segmenter.precision must be auto, {', '.join(_PRECISIONS)}; came '{precision}'.")
        if fields_at_once < 1:
            raise InputError(f"segmenter.fields_at_once must be 1 or more, came {fields_at_once}.")
        cells = "hpa_cells_two_stains" if reticulum_channel is None else "hpa_cells"
        self.files = tuple(
            check_file(local_file(path or f"{PREFIX}{published}", argument), argument, published)
            for path, argument, published in (
                (nuclei_weights, "segmenter.nuclei_weights", "hpa_nuclei"),
                (cell_weights, "segmenter.cell_weights", cells),
            )
        )
        self.nucleus_channel = nucleus_channel
        self.microtubule_channel = microtubule_channel
        self.reticulum_channel = reticulum_channel
        self.network_um = network_um
        self.reflect_margin = reflect_margin
        self.fields_at_once = fields_at_once
        half = "fp16" if self.device.type == "cuda" else "fp32"
        self.precision = half if precision == "auto" else precision
        self._lock = Lock()
        self._networks: tuple[HpaCellNetwork, ...] = ()
        self._hashes: tuple[str, ...] = ()

    @property
    def channels(self) -> tuple[str, ...]:
        """List the channels it reads."""
        wanted = (self.microtubule_channel, self.reticulum_channel, self.nucleus_channel)
        return tuple(channel for channel in wanted if channel is not None)

    def fingerprint(self) -> dict[str, Any]:
        """Return all settings that decide the cells, and hashes of the weights."""
        with self._lock:
            if not self._hashes:
                self._hashes = tuple(sha256_of_file(path) for path in self.files)
        return {
            "segmenter": "hpa_cell",
            "code": _CODE_VERSION,
            "weights": list(self._hashes),
            "channels": [self.microtubule_channel, self.reticulum_channel, self.nucleus_channel],
            "network_um": self.network_um,
            "reflect_margin": self.reflect_margin,
            "mode": self.mode,
            "edge_cells": self.edge_cells,
            "precision": self.precision,
        }

    def segment(self, fields: Sequence[Field]) -> list[Segmentation]:
        """Return cells and nuclei of each field.

        Raises:
            InputError: If a field lacks a channel or its pixels are too coarse.
        """
        inputs = [self._input(field) for field in fields]
        alike: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for number, network_planes in enumerate(inputs):
            alike[network_planes.planes[0].shape].append(number)
        results: dict[int, Segmentation] = {}
        for numbers in alike.values():
            for start in range(0, len(numbers), self.fields_at_once):
                batch = numbers[start : start + self.fields_at_once]
                both = [
                    self._probabilities(which, [inputs[number].planes[which] for number in batch]) for which in (0, 1)
                ]
                for number, nuclei, cells in zip(batch, *both, strict=True):
                    results[number] = self._labelled(fields[number], inputs[number].size, nuclei, cells)
        return [results[number] for number in range(len(fields))]

    def _input(self, field: Field) -> _NetworkInput:
        """Return a field at the pixel size of the networks."""
        scale = field.pixel_um / self.network_um
        check_scale(field.image_id, scale, _MAX_SCALE)
        small = {channel: rescaled(field.plane(channel), scale) for channel in self.channels}
        nuclei, tubules = small[self.nucleus_channel], small[self.microtubule_channel]
        reticulum = np.zeros_like(nuclei) if self.reticulum_channel is None else small[self.reticulum_channel]
        planes = [
            network_input(three, self.reflect_margin)
            for three in ((nuclei, nuclei, nuclei), (tubules, reticulum, nuclei))
        ]
        return _NetworkInput((nuclei.shape[0], nuclei.shape[1]), (planes[0], planes[1]))

    def _probabilities(self, which: int, planes: Sequence[Planes]) -> list[Planes]:
        """Return the probabilities of network 0 (nuclei) or 1 (cells) for a batch."""
        with self._lock:
            if not self._networks:
                self._networks = tuple(load_network(path).to(self.device) for path in self.files)
        batch = torch.from_numpy(np.stack(planes)).to(self.device)
        dtype = _PRECISIONS[self.precision]
        with torch.inference_mode(), torch.autocast(self.device.type, dtype=dtype, enabled=dtype != torch.float32):
            logits = self._networks[which](batch)
            return list(logits.float().softmax(dim=1).cpu().numpy())

    def _labelled(self, field: Field, small: tuple[int, int], nuclei: Planes, cells: Planes) -> Segmentation:
        """Return the cells of one field from the probabilities of the networks."""
        size = field.pixels.shape[1], field.pixels.shape[2]
        parts = [without_margin(planes, small, self.reflect_margin) for planes in (nuclei, cells)]
        if self.mode == "exact":
            full = full_size_planes(parts[0], parts[1], size)
            nuclei_map, cell_map = label_cells(
                *full, mode=self.mode, pixel_um=field.pixel_um, edge_cells=self.edge_cells
            )
            return Segmentation(cell_map, nuclei_map)
        # the fast mode works on the networks' own grid: only its result is enlarged
        um = field.pixel_um * size[0] / small[0]
        levels = [levels_of(part) for part in parts]
        maps = label_cells(*levels, mode=self.mode, pixel_um=um, edge_cells=self.edge_cells)
        nuclei_map, cell_map = (
            cv2.resize(label_map, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT) for label_map in maps
        )
        cell_map = relabel(cell_map)  # where pixels are coarser than the networks', a tiny cell may fall between them
        return Segmentation(cell_map, np.where(nuclei_map > 0, cell_map, 0))
