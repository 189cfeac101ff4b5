"""Digests of contents: names for what made a stored file, and equality of contents wherever they lie.

All are SHA-256, which today's processors compute in hardware (1.7 GB/s a core, twice as fast as BLAKE2b). A digest of
several things is the digest of a plain value that holds the digests of its parts.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

_DIGITS = 32
"""Hexadecimal digits of a digest; 128 bits distinguish any two contents of a user."""


def digest_of_values(values: Any) -> str:
    """Return a digest of plain values that is the same on every machine, whatever the order of a mapping's keys.

    Args:
        values: None, booleans, numbers, texts, and lists, tuples and mappings of them; a tuple equals its list.

    Raises:
        TypeError: If something else is among them.

    >>> digest_of_values({"side_px": 128, "channels": ("red", "green")})
    'a8623620724bbc1401f4814b092a51f4'
    >>> digest_of_values({"channels": ["red", "green"], "side_px": 128})
    'a8623620724bbc1401f4814b092a51f4'
    """
    return digest_of_bytes(json.dumps(values, sort_keys=True).encode())


def digest_of_bytes(content: bytes | memoryview) -> str:
    """Return a digest of bytes.

    >>> digest_of_bytes(b"")
    'e3b0c44298fc1c149afbf4c8996fb924'
    """
    return hashlib.sha256(content).hexdigest()[:_DIGITS]


def digest_of_array(array: Shaped[np.ndarray, "*axes"]) -> str:
    """Return a digest of an array's type, shape and numbers, whatever its layout in memory."""
    content = digest_of_bytes(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest_of_values([array.dtype.str, list(array.shape), content])


def sha256_of_file(path: Path) -> str:
    """Return the whole SHA-256 of a file, as `sha256sum` prints it; the file is read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
