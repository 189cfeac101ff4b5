"""`<ID>_seg.npy`: the file in which Cellpose's window keeps an image's masks, for people to correct them there.

The layout is that of Cellpose 3 and 4 (Stringer et al., Nature Methods 18:100, 2021): a dictionary with `masks`,
`outlines` (the masks' inner rims, with their numbers), `filename`, `ismanual` and, where no single file holds the
image, `img`.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int32, UInt8

from hpa.core.whole_file import whole_file

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
