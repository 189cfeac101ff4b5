"""Users' own Cellpose weights as a segmenter (Pachitariu, Rariden and Stringer, bioRxiv 2025.04.28.651001).

Intensities, scale, tiles and network are those of the package (version 4); cells are read from its flows by our code,
which takes a fraction of the time on a CPU and has no limit of cell size.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
import torch
from jaxtyping import Float32
from scipy.special import expit

from hpa.core.digest import sha256_of_file
from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.core.flows import NETWORK_SCALE, label_map_from
from hpa.device import choose_device
from hpa.published.registry import local_file

_CODE_VERSION = 1
"""Rises whenever the same settings give other cells, so that stored label maps are made again."""
_MAX_SCALE = 4.0
_MAX_CHANNELS = 3
_DARK_AND_BRIGHT = (1, 99)
"""Percentiles that become 0 and 1: those the published networks were trained with, and so no setting."""
_MIN_SPAN = 1e-3
_PRECISIONS = {"fp32": torch.float32, "bf16": torch.bfloat16}

Image = Float32[np.ndarray, "height width channel"]


@runtime_checkable
class FlowNetwork(Protocol):
    """What the network must do."""

    def place(self, device: torch.device, dtype: torch.dtype) -> None:
        """Move it to a device and precision."""

    def planes_of(
        self, images: Float32[np.ndarray, "image height width channel"], tiles_at_once: int
    ) -> Float32[np.ndarray, "image 3 height width"]:
        """Return 5 dy, 5 dx and the logit of inside of each image."""


class Cellpose:
    """Segments cells (no nuclei) with the network of a user's file; batched over fields of one size."""

    def __init__(
        self,
        weights: str | Path | None,
        network: Callable[..., FlowNetwork],
        cell_channels: Sequence[str] = ("red", "yellow"),
        nucleus_channel: str | None = "blue",
        diameter_um: float | None = 25.0,
        seen_diameter_px: float = 30.0,
        min_probability: float = 0.5,
        max_error: float = 0.4,
        min_area_px: int = 15,
        tiles_at_once: int = 8,
        device: str = "auto",
        precision: str = "auto",
    ) -> None:
        """Check the settings and the weights.

        Args:
            weights: The path of a file of cellpose 4, or `hub:cellpose_sam`; the package's own names are refused.
            network: Builds the network from (weights, slot of the config, rate of dropped paths).
            cell_channels: Channels that show the cells.
            nucleus_channel: Channel of the nuclei, or None; at most three channels in all, in any order.
            diameter_um: Typical diameter of a cell, µm, or None to leave the pixel size of fields.
            seen_diameter_px: Diameter of such a cell in the network's input, px.
            min_probability: Pixels at or below it are background.
            max_error: Cells are dropped whose own flows differ more from the network's.
            min_area_px: Smaller cells are dropped, px of the network's input.
            tiles_at_once: Tiles of 256 px that go through the network together.
            device: As torch names it, or "auto" for the GPU where there is one.
            precision: fp32, bf16, or "auto" for bf16 on a GPU and fp32 elsewhere.

        Raises:
            InputError: If the package or the file is missing, the file is of another network, or a setting is
                impossible.
        """
        if weights is None:
            raise InputError(
                "segmenter.weights: the path of a file of cellpose 4 is needed, none is given; nothing is downloaded. "
                "segmenter.weights=hub:cellpose_sam names the published one; segmenter=watershed needs no weights."
            )
        nucleus = () if nucleus_channel is None else (nucleus_channel,)
        self.channels: tuple[str, ...] = tuple(dict.fromkeys((*cell_channels, *nucleus)))
        self.diameter_um = diameter_um
        self.seen_diameter_px = seen_diameter_px
        self.min_probability = min_probability
        self.max_error = max_error
        self.min_area_px = min_area_px
        self.tiles_at_once = tiles_at_once
        self.device = choose_device(device, "segmenter.device")
        half = "bf16" if self.device.type == "cuda" else "fp32"
        self.precision = half if precision == "auto" else precision
        self._check()
        self.weights = local_file(weights, "segmenter.weights").expanduser()
        self._network = network(self.weights, "segmenter", 0.0)
        self._lock = Lock()
        self._is_placed = False
        self._hash = ""

    def fingerprint(self) -> dict[str, Any]:
        """Return all settings that decide the cells, the hash of the weights and the version of the package."""
        with self._lock:
            if not self._hash:
                self._hash = sha256_of_file(self.weights)
        return {
            "segmenter": "cellpose",
            "code": _CODE_VERSION,
            "package": version("cellpose"),
            "weights": self._hash,
            "channels": list(self.channels),
            "diameter_um": self.diameter_um,
            "seen_diameter_px": self.seen_diameter_px,
            "min_probability": self.min_probability,
            "max_error": self.max_error,
            "min_area_px": self.min_area_px,
            "precision": self.precision,
        }

    def segment(self, fields: Sequence[Field]) -> list[Segmentation]:
        """Return the cells of each field.

        Raises:
            InputError: If a field lacks a channel, or its pixel size is not known or does not fit the diameter.
        """
        with self._lock:  # runs whose cells are all stored never come here, and take no memory of a GPU
            if not self._is_placed:
                self._network.place(self.device, _PRECISIONS[self.precision])
                self._is_placed = True
        inputs = [self._input(field) for field in fields]
        alike: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for number, image in enumerate(inputs):
            alike[image.shape].append(number)
        results: dict[int, Segmentation] = {}
        for numbers in alike.values():
            outputs = self._network.planes_of(np.stack([inputs[number] for number in numbers]), self.tiles_at_once)
            for number, planes in zip(numbers, outputs, strict=True):
                results[number] = self._read(fields[number], planes)
        return [results[number] for number in range(len(fields))]

    def _input(self, field: Field) -> Image:
        """Return a field as the network's input."""
        scale = self._scale_of(field)
        size = [max(1, round(side * scale)) for side in field.pixels.shape[1:]]
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        planes = [stretched(field.plane(channel)) for channel in self.channels]
        return np.stack([cv2.resize(plane, size[::-1], interpolation=way) for plane in planes], axis=-1)

    def _read(self, field: Field, planes: Float32[np.ndarray, "3 seen_height seen_width"]) -> Segmentation:
        """Return the cells of the network's planes, at the size of the field."""
        height, width = field.pixels.shape[1:]
        full = np.stack([cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in planes])
        cells = label_map_from(
            full[:2] / np.float32(NETWORK_SCALE),
            expit(full[2]),
            min_probability=self.min_probability,
            max_error=self.max_error,
            min_area_px=max(1, round(self.min_area_px / self._scale_of(field) ** 2)),
        )
        return Segmentation(cells)

    def _scale_of(self, field: Field) -> float:
        """Return the factor by which a field is resized for the network."""
        if self.diameter_um is None:
            return 1.0
        scale = self.seen_diameter_px * field.pixel_um / self.diameter_um
        if not 0 < scale <= _MAX_SCALE:
            raise InputError(
                f"{field.image_id}: pixels of {field.pixel_um} µm would be enlarged {scale:.3g} times to show cells of "
                f"{self.diameter_um} µm at {self.seen_diameter_px} px; the limit is {_MAX_SCALE:g} times. "
                "Give data.pixel_um, another segmenter.diameter_um, or null to leave pixels as they are."
            )
        return scale

    def _check(self) -> None:
        """Refuse impossible settings."""
        if not 1 <= len(self.channels) <= _MAX_CHANNELS:
            raise InputError(
                f"segmenter.cell_channels and nucleus_channel: the network takes one to {_MAX_CHANNELS} channels, came "
                f"{len(self.channels)} ({', '.join(self.channels)})."
            )
        positive = {
            "diameter_um": self.diameter_um,
            "seen_diameter_px": self.seen_diameter_px,
            "max_error": self.max_error,
            "min_area_px": self.min_area_px,
            "tiles_at_once": self.tiles_at_once,
        }
        for name, value in positive.items():
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"segmenter.{name} must be positive, not {value}.")
        if not 0 <= self.min_probability < 1:
            raise InputError(
                f"segmenter.min_probability must be at least 0 and below 1, not {self.min_probability}; the "
                "package's cellprob_threshold is its logit: 0 there is 0.5 here."
            )
        if self.precision not in _PRECISIONS:
            raise InputError(f"segmenter.precision must be auto, {' or '.join(_PRECISIONS)}; came '{self.precision}'.")


def stretched(plane: np.ndarray) -> Float32[np.ndarray, "height width"]:
    """Return a plane with its 1st percentile at 0 and its 99th at 1; a plane without contrast becomes 0."""
    levels = plane.astype(np.float32)
    dark, bright = np.percentile(levels, _DARK_AND_BRIGHT)
    if not bright - dark > _MIN_SPAN:
        return np.zeros_like(levels)
    return (levels - np.float32(dark)) / np.float32(bright - dark)
