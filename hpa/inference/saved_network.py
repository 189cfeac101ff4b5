"""Networks as their checkpoints say: built from the run's config, filled with the run's weights."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from jaxtyping import Float32
from torch import nn

from hpa.config import build
from hpa.core.digest import sha256_of_file
from hpa.core.errors import InputError
from hpa.core.ownership import require_no_paths
from hpa.core.planes import PlaneSpec
from hpa.device import choose_device, choose_precision
from hpa.inference.tissue.predictor import DenseModel, PixelPredictor, Read, WindowedPrediction
from hpa.interfaces import Instances, PixelModel
from hpa.models.network_size import bounded_network
from hpa.models.saved_run import SavedRun, read_saved_run
from hpa.pixels.tiles import TileSpec

STARTING_POINTS = {"weights": None, "pretrained": False}
"""Where training started from: neither the file nor the network is needed again, and may be gone."""


def network_of(saved: SavedRun) -> nn.Module:
    """Return the network of a checkpoint in evaluation mode.

    Raises:
        InputError: If the weights do not fit, or the run is another's and names files beside its starting point.
    """
    config = _without_starting_points(saved.settings("model"))
    if not saved.is_own:
        require_no_paths(config, "model", saved.path)
    with bounded_network(config):
        model = build(config, channel_count=len(saved.channels), class_count=len(saved.class_names))
    return saved.load_into(cast("nn.Module", model))


def _without_starting_points(node: Any) -> Any:
    """Return a copy of a config in which nothing is read from where training started, however deep a part lies."""
    if not isinstance(node, dict):
        return node
    return {key: STARTING_POINTS.get(key, _without_starting_points(value)) for key, value in node.items()}


class SavedPixelNetwork:
    """A network of pixels that `train.py` trained, ready to segment (`segmenter=unet`, `segmenter=mask_rcnn`).

    Attributes:
        channels: Channels it was trained on.
        class_names: Classes it distinguishes; none of a dense network, which finds instances only.
        spec: How planes are scaled before it.
        digest: Hash of the checkpoint, and how images are cut into tiles.

    Args:
        run: Run folder or checkpoint.
        device: As torch names it, or auto.
        precision: fp32, bf16, fp16 or auto.
        overlap_px: Least overlap of neighbouring tiles.
        batch_tiles: Tiles of the largest side that go through the network together.
        side_px: Largest side of a tile; larger takes more memory. A dense network sees images up to this size whole,
            and larger ones in tiles of the side that covers them with the fewest pixels.

    Raises:
        InputError: If no run is given, or it was trained for another task.
    """

    def __init__(
        self, run: str | None, device: str, precision: str, overlap_px: int, batch_tiles: int, side_px: int
    ) -> None:
        if run is None:
            raise InputError(
                "segmenter.weights=RUN is missing: the run folder or checkpoint of a network that was trained with "
                "task=pixels (python train.py experiments=segment/nuclei data.root=DIR makes one); "
                "segmenter=watershed needs none."
            )
        saved = read_saved_run(run)
        if saved.config.get("task") != "pixels":
            raise InputError(
                f"{saved.path}: this run classifies cells and finds none; give one of task=pixels, or use it as ckpt=."
            )
        model = network_of(saved)
        where = choose_device(device)
        self.channels = saved.channels
        self.class_names: tuple[str, ...] = () if isinstance(model, DenseModel) else saved.class_names
        self.spec: PlaneSpec = _tiles_of(saved).planes
        self.digest = f"{sha256_of_file(saved.path)} {side_px} {overlap_px}"
        self._predictor = PixelPredictor(
            cast("PixelModel", model),
            where,
            choose_precision(precision, where),
            side_px,
            overlap_px,
            batch_tiles,
            is_thrifty=True,
        )

    def predict(self, planes: Float32[np.ndarray, "channel height width"]) -> Instances:
        """Return the instances of one prepared image."""
        return self._predictor.predict(planes)

    def windows(self, read: Read, height: int, width: int) -> WindowedPrediction | None:
        """Return what finds instances in windows of an image whose prepared planes `read` reads, None of a detector."""
        return self._predictor.windows(read, height, width)


def _tiles_of(saved: SavedRun) -> TileSpec:
    tiles: Any = build(saved.settings("tiles"))
    return cast("TileSpec", tiles)
