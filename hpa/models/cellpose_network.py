"""The network of Cellpose 4, from the package of that name, filled from a file of the user.

Cellpose-SAM (Pachitariu, Rariden and Stringer, bioRxiv 2025.04.28.651001): the image encoder of Segment Anything
(ViT-L, 305 M parameters) on tiles of 256 px, which predicts flows and mask. The package itself would download a network
for a name it knows, take another for a name it does not know, and leave at random what a file lacks: here a path is
needed, or a name that `hpa weights fetch` fetched, and a file that does not fit in every layer is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float32
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.models.tensor_file import UnreadableError, first_line, load_plain
from hpa.published.registry import local_file

TILE_PX = 256
"""The position embedding knows one size of tile."""
MAX_CHANNELS = 3
STATE_PREFIX = "published."
"""Before the names of the package's own layers in a state dict of this module."""
_TILE_OVERLAP = 0.1
_LISTED = 3
_INSTALL = 'cellpose 4.2 or newer is needed: pip install "hpa-cells[cellpose]"'


class CellposeNetwork(nn.Module):
    """The package's network: planes 5 dy, 5 dx and the logit of inside, for one to three channels in any order.

    Args:
        weights: A file of cellpose 4, `hub:cellpose_sam` for the published one, or None for random numbers (to be
            filled from a checkpoint).
        slot: Part of the config, for messages: `model` or `segmenter`.
        drop_path_rate: Share of images that leave out the last of the network's blocks in training, rising from 0 at
            the first (stochastic depth).

    Raises:
        InputError: If the package is missing, there is no such file, or it is of another network.
    """

    def __init__(self, weights: str | Path | None, slot: str, drop_path_rate: float) -> None:
        super().__init__()
        build = _network_class()
        if weights is None:
            self.published: Any = build(rdrop=drop_path_rate)
            return
        path = _existing_file(weights, slot)
        state = _read(path, slot)
        with torch.device("meta"):  # its random numbers would take seconds, and be overwritten
            self.published = build(rdrop=drop_path_rate)
        _require_fit(path, slot, state, self.published.state_dict())
        self.published.load_state_dict(state, assign=True)

    def forward(self, tiles: Float[Tensor, "tile channel side side"]) -> Float[Tensor, "tile 3 side side"]:
        """Return the planes of tiles of 256 px.

        Raises:
            InputError: If the tiles have another size or more than three channels.
        """
        if tiles.shape[-1] != TILE_PX or not 1 <= tiles.shape[1] <= MAX_CHANNELS:
            raise InputError(
                f"cellpose takes tiles of {TILE_PX} px with one to {MAX_CHANNELS} channels, came {tiles.shape[1]} "
                f"channels of {tiles.shape[2]} x {tiles.shape[3]} px."
            )
        return self.published(tiles)[0]

    def place(self, device: torch.device, dtype: torch.dtype) -> None:
        """Move the network to a device and precision, in evaluation mode."""
        self.published.dtype = dtype  # the package casts the network's input to this
        self.to(device).eval()

    def planes_of(
        self, images: Float32[np.ndarray, "image height width channel"], tiles_at_once: int
    ) -> Float32[np.ndarray, "image 3 height width"]:
        """Return the planes of images of any size, tiled and blended by the package (in evaluation mode).

        Args:
            images: Intensities from about 0 (1st percentile) to 1 (99th), per image and channel.
            tiles_at_once: Tiles of 256 px that go through the network together, of several images where they fit.
        """
        from cellpose.core import run_net

        planes, _ = run_net(self.published, images, batch_size=tiles_at_once, tile_overlap=_TILE_OVERLAP, bsize=TILE_PX)
        return np.ascontiguousarray(np.moveaxis(planes, -1, 1))


def _network_class() -> Any:
    try:
        from cellpose.vit import CPSAM
    except ImportError as error:
        raise InputError(f"{_INSTALL}. ({first_line(error)})") from error
    return CPSAM


def _existing_file(weights: str | Path, slot: str) -> Path:
    """Return the path of a file, or of `hub:NAME` where it was fetched; the package's own names are not accepted."""
    path = local_file(weights, f"{slot}.weights").expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        came = f"'{weights}' is a folder; name the file in it"
    elif len(path.parts) == 1 and not path.suffix:
        came = (
            f"'{weights}' is no file; names of published models are not looked up and nothing is downloaded. "
            "Where the package has downloaded one, it lies in ~/.cellpose/models; give that path, or fetch it with "
            f"'hpa weights fetch cellpose_sam' and write {slot}.weights=hub:cellpose_sam"
        )
    else:
        came = f"there is no file '{weights}'"
    raise InputError(f"{slot}.weights: the path of a file of cellpose 4 is needed: {came}.")


def _read(path: Path, slot: str) -> dict[str, Tensor]:
    """Return the tensors of a file, mapped from disk."""
    try:
        content = load_plain(path, mmap=True)
    except UnreadableError as error:
        raise InputError(
            f"{slot}.weights: '{path}' cannot be read as plain tensors; a state dict as cellpose 4 saves it is needed, "
            f"pickled code is never run. ({error})"
        ) from error
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"{slot}.weights: '{path}' holds no state dict (names with tensors) as cellpose 4 saves it.")
    return {str(name).removeprefix("module."): value.float() for name, value in content.items()}


def _require_fit(path: Path, slot: str, state: Mapping[str, Tensor], expected: Mapping[str, Tensor]) -> None:
    """Refuse weights that are not exactly those of this network."""
    if "W2" not in state and any(name.startswith("downsample.") for name in state):
        raise InputError(
            f"{slot}.weights: '{path}' is of cellpose 3 or older, another network, which cellpose 4 cannot run. Make "
            "label maps with the version it was trained with and use segmenter=stored, or train a flow network anew: "
            "model=unet model/target=flows."
        )
    if "encoder.cls_token" in state:
        raise InputError(
            f"{slot}.weights: '{path}' is of cellpose with DINOv3 (cpdino), whose network is in no package of the "
            "registry; only weights of Cellpose-SAM (cpsam) can be used."
        )
    wrong = [name for name, value in expected.items() if name not in state or state[name].shape != value.shape]
    wrong += [name for name in state if name not in expected]
    if wrong:
        raise InputError(
            f"{slot}.weights: '{path}' does not fit Cellpose-SAM: {len(wrong)} of {len(expected)} layers are missing, "
            f"unknown or of another shape; first: {', '.join(wrong[:_LISTED])}."
        )


def published_state(state: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the part of a state dict that is the package's network, as the package saves it (32 bit, its own names).

    Args:
        state: Weights by name.
        prefix: Where this module stands in it, e.g. `network.`.
    """
    whole = prefix + STATE_PREFIX
    return {name.removeprefix(whole): value.float() for name, value in state.items() if name.startswith(whole)}
