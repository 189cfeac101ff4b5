"""One picture of a field for a quick look: its channels merged, then each by itself in its colour, with its name."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from jaxtyping import UInt8

from hpa.core.field import Field
from hpa.core.whole_file import whole_file
from hpa.reports.pictures import composite

_TILE_PX = 400
_CAPTION_PX = 28
_MAX_CHANNELS = 7


def write_channel_sheet(path: Path, field: Field) -> None:
    """Write the picture as PNG.

    Raises:
        WriteError: If the disk is full or the folder read-only.
    """
    encoded = cv2.imencode(".png", channel_sheet(field)[..., ::-1])[1]
    with whole_file(path, encoded.nbytes) as file:
        file.write(encoded.tobytes())


def channel_sheet(field: Field) -> UInt8[np.ndarray, "height width 3"]:
    """Return the tiles side by side: the merged picture first, where there are several channels."""
    height, width = field.pixels.shape[1:]
    scale = min(1.0, _TILE_PX / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    largest = np.float32(np.iinfo(field.pixels.dtype).max)
    planes = np.stack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in field.pixels]) / largest
    names = field.channels[:_MAX_CHANNELS]
    tiles = [(composite(planes, field.channels), "merged")] if len(names) > 1 else []
    tiles += [(composite(planes[place : place + 1], (name,)), name) for place, name in enumerate(names)]
    return np.concatenate([_captioned(picture, name) for picture, name in tiles], axis=1)


def _captioned(picture: UInt8[np.ndarray, "height width 3"], name: str) -> UInt8[np.ndarray, "taller wider 3"]:
    caption = np.zeros((_CAPTION_PX, picture.shape[1], 3), np.uint8)
    # the font has Latin letters only
    text = name.encode("ascii", "replace").decode()
    cv2.putText(caption, text, (6, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (255, 255, 255), 1, cv2.LINE_AA)
    sheet = np.concatenate([caption, picture])
    return cv2.copyMakeBorder(sheet, 0, 0, 0, 4, cv2.BORDER_CONSTANT, value=(0, 0, 0))
