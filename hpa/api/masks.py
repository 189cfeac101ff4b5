"""Masks as text and back, in the format of the HPA single-cell competition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Int32

from hpa.core.encoding import decode_label_map, decode_mask, encode_label_map, encode_mask
from hpa.core.errors import InputError


@overload
def encode(mask: npt.NDArray[np.bool_]) -> str: ...


@overload
def encode(mask: npt.NDArray[np.integer[Any]]) -> dict[int, str]: ...


def encode(mask: Any) -> str | dict[int, str]:
    """Return the competition string of a mask; of a label map those of all cells, by their numbers.

    >>> encode(np.eye(2, dtype=bool))
    'eNozMDQyAAAB6wDE'

    Args:
        mask: bool (height, width), or a label map: integers (height, width), 0 for background.

    Raises:
        InputError: If it is neither, or has no pixel.
    """
    given = np.asarray(mask)
    if given.ndim != 2 or given.dtype.kind not in "biu":
        raise InputError(
            f"a mask (bool) or a label map (integers) of shape (height, width) is expected; came {given.dtype} of "
            f"shape {given.shape}. A mask of 0 and 1 is encoded as mask.astype(bool)."
        )
    return encode_mask(given) if given.dtype.kind == "b" else encode_label_map(given)


@overload
def decode(text: str, height: int, width: int) -> Bool[np.ndarray, "height width"]: ...


@overload
def decode(text: Mapping[int, str], height: int, width: int) -> Int32[np.ndarray, "height width"]: ...


def decode(text: str | Mapping[int, str], height: int, width: int) -> Any:
    """Return the mask of a competition string; of the strings of several cells their label map.

    >>> decode("eNozMDQyAAAB6wDE", 2, 2).tolist()
    [[True, False], [False, True]]

    Raises:
        InputError: If a text does not decode to this size, or two cells share a pixel.
    """
    if isinstance(text, str):
        return decode_mask(text, height, width)
    return decode_label_map(dict(text), height, width)
