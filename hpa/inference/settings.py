"""What decides the bytes of a submission, as plain values that can be kept, compared and named.

Networks and files are named by their content, never by their place, so that shards of one run may be made on different
machines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from torch import Tensor

from hpa import __version__
from hpa.core.addresses import as_path
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
    if isinstance(config, str) and "/" in config and as_path(config).expanduser().is_file():
        return f"file {sha256_of_file(as_path(config).expanduser())}"
    return config


def _of_tensor(tensor: Tensor) -> list[Any]:
    content = tensor.contiguous().reshape(-1).view(torch.uint8).numpy()  # NumPy has no bfloat16
    return [str(tensor.dtype), list(tensor.shape), digest_of_array(content)]


def versions() -> dict[str, str]:
    """Return the versions of the packages that decide the result."""
    return {"hpa": __version__} | {name: _version(name) for name in PACKAGES}


def differences(one: Any, other: Any) -> list[str]:
    """Return what differs between two sets of settings, each as `name: value, value`.

    >>> differences({"tta": {"average": "logits"}, "split": "test"}, {"tta": {"average": "ranks"}, "split": "test"})
    ['tta.average: logits, ranks']
    """
    first, second = dict(_leaves(one, "")), dict(_leaves(other, ""))
    names = [*first, *(name for name in second if name not in first)]
    return [
        f"{name}: {first.get(name, 'nothing')}, {second.get(name, 'nothing')}"
        for name in names
        if first.get(name, "nothing") != second.get(name, "nothing")
    ]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # a checkout that was not installed, OpenCV under another of its names
        return "unknown"


def _leaves(value: Any, name: str) -> Iterator[tuple[str, str]]:
    """Yield the values with their dotted names, as text."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else str(key))
    elif (
        isinstance(value, Sequence) and not isinstance(value, str) and any(isinstance(item, Mapping) for item in value)
    ):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{name}.{index}" if name else str(index))
    else:
        yield name, value if isinstance(value, str) else json.dumps(value)
