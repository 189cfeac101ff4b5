"""The eight symmetries of the square, by name: what test-time augmentation and training flips are made of.

Every symmetry is a transposition, or none, followed by flips of the last two axes. Stated so, numpy arrays and tensors
can share the table: numpy flips without copying, tensors (which have no negative strides) through their own `flip`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hpa.core.errors import InputError


@dataclass(frozen=True)
class Symmetry:
    """Transpose the last two axes or do not, then flip the named axes (-2 rows, -1 columns)."""

    transpose: bool
    flipped_axes: tuple[int, ...]


SYMMETRIES: dict[str, Symmetry] = {
    "identity": Symmetry(False, ()),
    "rotate_90": Symmetry(True, (-2,)),  # counter-clockwise, as numpy.rot90
    "rotate_180": Symmetry(False, (-2, -1)),
    "rotate_270": Symmetry(True, (-1,)),
    "flip_horizontal": Symmetry(False, (-1,)),  # left becomes right
    "flip_vertical": Symmetry(False, (-2,)),  # top becomes bottom
    "transpose": Symmetry(True, ()),
    "anti_transpose": Symmetry(True, (-2, -1)),
}


def apply(array: Any, name: str) -> Any:
    """Return a numpy array or tensor of shape (…, height, width) under a symmetry; rotations swap the two sizes.

    >>> apply(np.array([[1, 2], [3, 4]]), "rotate_90")
    array([[2, 4],
           [1, 3]])

    Raises:
        InputError: If there is no symmetry of this name.
    """
    symmetry = _symmetry(name)
    transposed = array.swapaxes(-2, -1) if symmetry.transpose else array
    if not symmetry.flipped_axes:
        return transposed
    if isinstance(transposed, np.ndarray):
        return np.flip(transposed, symmetry.flipped_axes)
    return transposed.flip(symmetry.flipped_axes)


def inverse(name: str) -> str:
    """Return the symmetry that undoes this one.

    >>> inverse("rotate_90"), inverse("transpose")
    ('rotate_270', 'transpose')

    Raises:
        InputError: If there is no symmetry of this name.
    """
    _symmetry(name)
    return {"rotate_90": "rotate_270", "rotate_270": "rotate_90"}.get(name, name)


def _symmetry(name: str) -> Symmetry:
    if name not in SYMMETRIES:
        raise InputError(f"'{name}' is no symmetry of the square; choose from {', '.join(SYMMETRIES)}.")
    return SYMMETRIES[name]
