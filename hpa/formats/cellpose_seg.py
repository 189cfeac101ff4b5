"""`<ID>_seg.npy`: the file in which Cellpose's window keeps an image's masks, for people to correct them there.

What is written has the layout of Cellpose 3 and 4 (Stringer et al., Nature Methods 18:100, 2021): a dictionary with
`masks`, `outlines` (the masks' inner rims, with their numbers), `filename`, `ismanual` and, where no single file holds
the image, `img`. Such a file is a pickled dictionary, and unpickling runs what a file names;
`pickled_values` runs nothing. So all layouts are read, those of version 0.6 (2021, with `img`) and of 4 (without)
alike, and of each its `masks` alone.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

import numpy as np
from jaxtyping import Bool, Int32, Integer, UInt8

from hpa.core.errors import InputError
from hpa.core.whole_file import whole_file
from hpa.formats.pickled_values import Record, array_of, read_pickle

SUFFIX = "_seg.npy"
_UINT16_MAX = 65535


def write_cellpose_seg(
    path: Path,
    label_map: Int32[np.ndarray, "height width"],
    image_file: Path | None,
    picture: UInt8[np.ndarray, "height width 3"],
) -> None:
    """Write cells 1..n for Cellpose's window.

    Args:
        path: `<ID>_seg.npy`.
        label_map: 0 background, cells 1..n.
        image_file: The image, where it is one file that the window can open.
        picture: RGB, kept in the file where there is no such image.

    Raises:
        InputError: If the disk is full.
    """
    kind = np.uint16 if label_map.max(initial=0) <= _UINT16_MAX else np.uint32
    content = {
        "masks": label_map.astype(kind),
        "outlines": np.where(rims_of(label_map), label_map, 0).astype(kind),
        "chan_choose": [0, 0],
        "ismanual": np.zeros(int(label_map.max(initial=0)), bool),
        "filename": str(image_file.resolve() if image_file else path.with_name(path.name.removesuffix(SUFFIX))),
        "flows": [[], [], [], [], [[]]],
        "est_diam": float(2 * np.sqrt(np.median(np.bincount(label_map.ravel())[1:]) / np.pi))
        if label_map.any()
        else 30.0,
    }
    if image_file is None:
        content["img"] = picture
    buffer = io.BytesIO()
    np.save(buffer, np.array(content, dtype=object))
    with whole_file(path, buffer.getbuffer().nbytes) as file:
        file.write(buffer.getvalue())


def rims_of(label_map: Int32[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """Return the pixels of cells of which a neighbour (of four) is another cell, background or outside."""
    framed = np.pad(label_map, 1)
    inner = framed[1:-1, 1:-1]
    around = (framed[:-2, 1:-1], framed[2:, 1:-1], framed[1:-1, :-2], framed[1:-1, 2:])
    return (inner > 0) & np.any([other != inner for other in around], axis=0)


def read_cellpose_masks(path: Path) -> Integer[np.ndarray, "height width"]:
    """Return the masks of a file, cells numbered as there.

    Raises:
        InputError: If the file is missing, broken, holds no masks, or a stack of them.
    """
    try:
        with path.open("rb") as file:
            content = _content_of(file)
            masks = array_of(content.get("masks")) if isinstance(content, dict) else None
    except FileNotFoundError as error:
        raise InputError(f"{path}: the file is missing; save the masks in Cellpose's window again (Ctrl+S).") from error
    except Exception as error:  # a damaged pickle fails in any way
        raise InputError(f"{path}: cannot be read as a file of Cellpose ({error}); save it again.") from error
    if masks is None or masks.dtype.kind not in "iu":
        raise InputError(f"{path}: a dictionary with an array of whole numbers 'masks' is expected; save it again.")
    masks = masks[0] if masks.ndim == 3 and len(masks) == 1 else masks
    if masks.ndim != 2:
        raise InputError(f"{path}: masks of one plane are expected, came the shape {masks.shape}; save one plane.")
    return masks


def _content_of(file: BinaryIO) -> object:
    """Return the object inside a .npy file of one object."""
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    if not dtype.hasobject or shape != ():
        raise InputError(f"it holds an array of {dtype} of shape {shape}, no dictionary")
    array = read_pickle(file.read())
    # an array of objects is a record too, whose last state is the list of them
    objects = array.state[-1] if isinstance(array, Record) and isinstance(array.state, tuple) and array.state else None
    return objects[0] if isinstance(objects, list) and len(objects) == 1 else None
