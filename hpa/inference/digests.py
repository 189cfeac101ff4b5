"""What decides the bytes of a submission, as plain values that can be kept, compared and named.

Networks and files are told by their content, never by their place, so that shards of one run may be made on different
machines.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hpa import __version__
from hpa.core.digest import digest_of_array, digest_of_values, sha256_of_file
from hpa.core.image_table import ImageTable

PACKAGES: tuple[str, ...] = ("torch", "torchvision", "timm", "numpy", "opencv-python-headless", "scikit-image")
"""Packages whose versions may change the last bits of a confidence or the edge of a mask."""


def digest_of_images(table: ImageTable) -> str:
    """Return a digest of which images there are, in which order and size."""
    rows = table.frame[["image_id", "height", "width", "pixel_um"]]
    return digest_of_values(rows.astype(str).values.tolist())


def digest_of_weights(weights: Mapping[str, Tensor]) -> str:
    """Return a digest of the weights of a network, wherever its checkpoint lies."""
    return digest_of_values({name: _of_tensor(tensor.detach().cpu()) for name, tensor in weights.items()})


def by_content(config: Any) -> Any:
    """Return a config in which every text that names a file stands as the digest of its content."""
    if isinstance(config, Mapping):
        return {key: by_content(value) for key, value in config.items()}
    if isinstance(config, (list, tuple)):
        return [by_content(value) for value in config]
    if isinstance(config, str) and "/" in config and Path(config).expanduser().is_file():
        return f"file {sha256_of_file(Path(config).expanduser())}"
    return config


def _of_tensor(tensor: Tensor) -> list[Any]:
    content = tensor.contiguous().reshape(-1).view(torch.uint8).numpy()  # NumPy has no bfloat16
    return [str(tensor.dtype), list(tensor.shape), digest_of_array(content)]


def versions() -> dict[str, str]:
    """Return the versions of the packages that decide the result."""
    return {"hpa": __version__} | {name: _version(name) for name in PACKAGES}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # a checkout that was not installed, OpenCV under another of its names
        return "not told"
