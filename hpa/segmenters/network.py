"""A network trained by `train.py` (task=pixels) as a segmenter: `unet`, `mask_rcnn`, any network of instances."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float32

from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.core.label_map import labels_of, relabel
from hpa.core.planes import PlaneSpec, resized, resized_label_map
from hpa.core.windows import Window
from hpa.interfaces import Instances

ReadPlanes = Callable[[Window], Float32[np.ndarray, "channel height width"]]


@runtime_checkable
class TrainedNetwork(Protocol):
    """A network with the settings of its training."""

    channels: tuple[str, ...]
    class_names: tuple[str, ...]
    spec: PlaneSpec
    digest: str

    def predict(self, planes: Float32[np.ndarray, "channel height width"]) -> Instances:
        """Return the instances of one prepared image."""


@runtime_checkable
class WindowedNetwork(Protocol):
    """A network on one image, window by window."""

    def instances(self, window: Window) -> Instances:
        """Return the instances of a window."""


@runtime_checkable
class ReadsWindows(Protocol):
    """A network that may see an image window by window."""

    def windows(self, read: ReadPlanes, height: int, width: int) -> WindowedNetwork | None:
        """Return what finds instances in windows of an image whose prepared planes `read` reads, None if it cannot."""


class NetworkSegmenter:
    """Segments fields with a trained network.

    Attributes:
        channels: Channels of a field that the network reads.
        class_names: Classes that it predicts; none where it finds cells only.

    Args:
        weights: The run that trained the network, or its checkpoint; for messages.
        network: The network that was read from there.
        cell_channels: Channels of the fields in place of those it was trained on, one for each, or None.
        enlarge: Factor by which fields are enlarged first: the size of cells in training over that of cells here. 1
            where both have one scale, or where the network was trained at a known µm per pixel.

    Raises:
        InputError: If channels or factor are impossible.
    """

    def __init__(
        self,
        weights: str | None,
        network: TrainedNetwork,
        cell_channels: Sequence[str] | None = None,
        enlarge: float = 1.0,
    ) -> None:
        if cell_channels is not None and len(cell_channels) != len(network.channels):
            raise InputError(
                f"segmenter.cell_channels names {len(cell_channels)} channels; {weights} was trained on "
                f"{len(network.channels)} ({', '.join(network.channels)})."
            )
        if not (math.isfinite(enlarge) and enlarge > 0):
            raise InputError(f"segmenter.enlarge={enlarge}: a factor above 0 is expected.")
        self.network = network
        self.channels: tuple[str, ...] = tuple(cell_channels or network.channels)
        self.class_names: tuple[str, ...] = network.class_names
        self.enlarge = enlarge

    def segment(self, fields: Sequence[Field]) -> list[Segmentation]:
        """Segment fields of any size and bit depth, one result a field."""
        return [Segmentation(np.asarray(self.instances(field).label_map, np.int32)) for field in fields]

    def instances(self, field: Field) -> Instances:
        """Return the instances of a field at its own size, with class and score where the network predicts them.

        Raises:
            InputError: If the field lacks a channel.
        """
        height, width = field.pixels.shape[1:]
        planes = self.network.spec.prepare(field, self.channels)
        if self.enlarge != 1:
            size = [max(1, round(side * self.enlarge)) for side in planes.shape[1:]]
            planes = resized(planes, size[0], size[1])
        found = self.network.predict(planes)
        if planes.shape[1:] == (height, width):
            return found
        return _renumbered(found, height, width)

    def fingerprint(self) -> dict[str, Any]:
        """Return what decides the result: the network's weights, the channels, the scale."""
        return {
            "segmenter": "network",
            "weights": self.network.digest,
            "channels": list(self.channels),
            "enlarge": self.enlarge,
        }


def _renumbered(found: Instances, height: int, width: int) -> Instances:
    """Return instances at another size; those without a pixel there are left out, the others numbered 1..n again."""
    label_map = resized_label_map(np.asarray(found.label_map, np.int32), height, width)
    kept = labels_of(label_map) - 1
    scores = None if found.scores is None else found.scores[kept]
    return replace(found, label_map=relabel(label_map), classes=found.classes[kept], scores=scores)
