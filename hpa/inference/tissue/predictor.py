"""A trained network of pixels on any image: dense networks in blended tiles, detectors in tiles that overlap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.core.tile_windows import TiledWindows
from hpa.core.tiles import predict_tiled, thriftiest_side
from hpa.core.windows import Window
from hpa.device import autocast
from hpa.inference.tissue.detections import detect_tiled
from hpa.interfaces import InstanceOutput, Instances, PixelBatch, PixelModel

Read = Callable[[Window], Float32[np.ndarray, "channel height width"]]


@runtime_checkable
class DenseModel(Protocol):
    """A network whose output at a pixel depends on its surroundings only, so that tiles can be put together."""

    def planes(self, images: Float[Tensor, "image channel height width"]) -> Float[Tensor, "image plane height width"]:
        """Return the logits of images of any size."""


@runtime_checkable
class GivesProbabilities(Protocol):
    """A target whose planes give the probability that a pixel is inside, and nothing else."""

    def probabilities(self, logits: Float32[np.ndarray, "plane height width"]) -> Float32[np.ndarray, "height width"]:
        """Return the probability of the inside."""


@runtime_checkable
class ReadsInstances(Protocol):
    """A `PixelTarget`, as far as prediction needs one."""

    def read(self, logits: Float32[np.ndarray, "plane height width"]) -> Instances:
        """Return the instances in a network's output."""


@dataclass(frozen=True)
class WindowedPrediction:
    """A dense network on one image, window by window.

    Attributes:
        logits: Of a window, as they are where the whole image is predicted.
        target: Reads instances from them.
    """

    logits: Callable[[Window], Float32[np.ndarray, "plane height width"]]
    target: ReadsInstances

    def instances(self, window: Window) -> Instances:
        """Return the instances of a window."""
        return self.target.read(self.logits(window))


class PixelPredictor:
    """Finds instances in prepared planes with one network.

    Args:
        model: A `PixelModel`; moved to the device and to evaluation mode.
        device: Where it runs.
        precision: "fp32", "bf16" or "fp16"; weights stay in fp32 (autocast).
        side_px: Side of a tile; larger images are cut, smaller ones go as they are.
        overlap_px: Smallest overlap of neighbouring tiles.
        batch_tiles: Tiles that go through a dense network together; a detector sees one at a time.
        is_thrifty: Whether a dense network sees smaller tiles, more at a time, where fewer pixels then cover an image.
    """

    def __init__(
        self,
        model: PixelModel,
        device: torch.device,
        precision: str,
        side_px: int,
        overlap_px: int,
        batch_tiles: int,
        is_thrifty: bool = False,
    ) -> None:
        autocast(device, precision)  # a misspelt precision fails here, not after the first image
        self._model = cast("nn.Module", model).to(device).eval()
        self._device = device
        self._precision = precision
        self.side_px = side_px
        self.overlap_px = overlap_px
        self.batch_tiles = batch_tiles
        self.is_thrifty = is_thrifty

    def predict(self, planes: Float32[np.ndarray, "channel height width"]) -> Instances:
        """Return the instances of one image, prepared as in training; NaN counts as 0."""
        finite = np.nan_to_num(planes, nan=0.0, posinf=1.0, neginf=0.0)
        model = cast("Any", self._model)
        if isinstance(self._model, DenseModel):
            return model.target.read(self.logits(finite))
        if max(planes.shape[1:]) <= self.side_px:
            found = self._detect(finite)
        else:
            found = detect_tiled(finite, self.side_px, self.overlap_px, self._detect)
        return model.instances(InstanceOutput({}, [found]))[0]

    def logits(self, planes: Float32[np.ndarray, "channel height width"]) -> Float32[np.ndarray, "plane height width"]:
        """Return the logits of a dense network for every pixel of an image."""
        if max(planes.shape[1:]) <= self.side_px:
            return self._tiles(planes[None])[0]
        side_px, batch_tiles = self._tiling(*planes.shape[1:])
        return predict_tiled(planes, side_px, self.overlap_px, batch_tiles, self._tiles)

    def windows(self, read: Read, height: int, width: int) -> WindowedPrediction | None:
        """Return what predicts windows of an image as `predict` does the whole; None of a detector.

        Args:
            read: Reads a window of the prepared planes.
            height: Of the image, px.
            width: So too.
        """
        if not isinstance(self._model, DenseModel):
            return None
        side_px, batch_tiles = self._tiling(height, width)

        def finite(window: Window) -> Float32[np.ndarray, "channel window_height window_width"]:
            return np.nan_to_num(read(window), nan=0.0, posinf=1.0, neginf=0.0)

        if max(height, width) <= self.side_px:
            return WindowedPrediction(
                lambda window: self.logits(finite(Window(0, 0, height, width)))[:, *window.slices],
                cast("Any", self._model).target,
            )
        tiles = TiledWindows(finite, height, width, side_px, self.overlap_px, batch_tiles, self._tiles)
        return WindowedPrediction(tiles.window, cast("Any", self._model).target)

    def _tiling(self, height: int, width: int) -> tuple[int, int]:
        """Return the side of a tile, and how many go through a dense network together."""
        if not self.is_thrifty:
            return self.side_px, self.batch_tiles
        side_px = thriftiest_side(height, width, self.side_px, self.overlap_px)
        return side_px, self.batch_tiles * self.side_px**2 // side_px**2

    def probabilities(self, planes: Float32[np.ndarray, "channel height width"]) -> Float32[np.ndarray, "height width"]:
        """Return how probably each pixel is inside; NaN of the image counts as 0.

        Raises:
            InputError: If the network was trained on something else than one mask.
        """
        model = cast("Any", self._model)
        if not (isinstance(self._model, DenseModel) and isinstance(model.target, GivesProbabilities)):
            raise InputError(
                "masks of tissue are read from networks of model/target=foreground; instances that any other network "
                "finds are written by: hpa segment DIR OUT segmenter=unet segmenter.weights=RUN."
            )
        return model.target.probabilities(self.logits(np.nan_to_num(planes, nan=0.0, posinf=1.0, neginf=0.0)))

    def _detect(self, planes: Float32[np.ndarray, "channel height width"]) -> dict[str, Tensor]:
        """Return the instances that a detector finds in one tile, or in an image that is no larger."""
        with torch.inference_mode(), autocast(self._device, self._precision):
            output: InstanceOutput = self._model(_batch_of(torch.from_numpy(planes[None]).to(self._device)))
        return output.instances[0]

    def _tiles(
        self, tiles: Float32[np.ndarray, "tile channel height width"]
    ) -> Float32[np.ndarray, "tile plane height width"]:
        with torch.inference_mode(), autocast(self._device, self._precision):
            logits: Tensor = cast("Any", self._model).planes(torch.from_numpy(tiles).to(self._device))
        return logits.float().cpu().numpy()


def _batch_of(images: Float[Tensor, "image channel height width"]) -> PixelBatch:
    """Return a batch of images without any targets."""
    count, _, height, width = images.shape
    no_classes: Sequence[Tensor] = [torch.zeros(0, dtype=torch.int64) for _ in range(count)]
    return PixelBatch(
        images=images,
        targets=images.new_zeros((count, 0, height, width)),
        label_maps=torch.zeros((count, height, width), dtype=torch.int32),
        instance_classes=tuple(no_classes),
        image_row=torch.arange(count),
    )
