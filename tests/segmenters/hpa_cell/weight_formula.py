"""Weights that anybody can make: pseudo-random numbers of a parameter's published name (splitmix64 of its CRC-32)."""

from math import prod
from zlib import crc32

import numpy as np
import torch

GOLDEN = 0x9E3779B97F4A7C15


def uniform(name: str, count: int) -> np.ndarray:
    with np.errstate(over="ignore"):
        z = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(GOLDEN) + np.uint64(crc32(name.encode()))
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return ((z ^ (z >> np.uint64(31))) >> np.uint64(11)) / 2**53


def weight(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    u = uniform(name, prod(shape)).reshape(shape)
    if len(shape) == 4:
        gain = 0.7 if name.startswith("encoder_stages.") else 1.0
        values = (2 * u - 1) * gain * np.sqrt(6 / prod(shape[1:]))
    elif name.endswith((".bias", ".running_mean")):
        values = 0.2 * (2 * u - 1)
    else:
        values = 0.5 + u
    return torch.from_numpy(values.astype(np.float32))
