"""Pictures of images and cells as the explorer shows them: WebP, channels mixed or one by one, and outlines."""

from __future__ import annotations

import io
from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from hpa.core.field import Field
from hpa.explorer.images import ExploredImage
from hpa.reports.pictures import composite

SIDE_PX = 1024
CROP_PX = 144
_MARGIN = 0.15
_QUALITY = 84


def picture_of_image(image: ExploredImage, channels: Sequence[str]) -> bytes:
    """Return an image of some channels, shrunk to `SIDE_PX`."""
    return encoded(_mixed(_shares(image.field, *_size(image)), image.field.channels, channels))


def picture_of_cell(image: ExploredImage, number: int, channels: Sequence[str]) -> bytes:
    """Return a square around a cell, its outline in white; what lies beyond the image is black."""
    inside = image.cells == number
    left, top, width, height = cv2.boundingRect(inside.astype(np.uint8))
    half = max(8, round((0.5 + _MARGIN) * max(width, height)))
    x, y = left + width // 2, top + height // 2
    planes = np.stack([_window(plane, x, y, half) for plane in image.field.pixels])
    field = Field(image.field.image_id, planes, image.field.channels, image.field.pixel_um)
    picture = _mixed(_shares(field, CROP_PX, CROP_PX), field.channels, channels)
    mask = cv2.resize(_window(inside.astype(np.uint8), x, y, half), (CROP_PX, CROP_PX), interpolation=cv2.INTER_NEAREST)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(picture, contours, -1, (255, 255, 255), 1, cv2.LINE_AA)
    return encoded(picture)


def outlines_of(image: ExploredImage, numbers: Sequence[int]) -> list[list[list[int]]]:
    """Return the outlines of cells: x, y, x, y, … in px of the picture of the image, one list a part."""
    width, height = _size(image)
    small = cv2.resize(image.cells, (width, height), interpolation=cv2.INTER_NEAREST)
    found = []
    for number in numbers:
        mask = (small == number).astype(np.uint8)
        left, top, box_width, box_height = cv2.boundingRect(mask)
        window = np.ascontiguousarray(mask[top : top + box_height, left : left + box_width])
        contours, _ = cv2.findContours(window, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=(left, top))
        found.append([cv2.approxPolyDP(points, 0.6, True).ravel().astype(int).tolist() for points in contours])
    return found


def _size(image: ExploredImage) -> tuple[int, int]:
    height, width = image.cells.shape
    factor = min(1.0, SIDE_PX / max(height, width))
    return max(1, round(width * factor)), max(1, round(height * factor))


def _shares(field: Field, width: int, height: int) -> Float32[np.ndarray, "channel height width"]:
    shrinks = width < field.pixels.shape[2]
    kind = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    planes = [cv2.resize(plane, (width, height), interpolation=kind) for plane in field.pixels]
    return np.stack(planes).astype(np.float32) / np.float32(np.iinfo(field.pixels.dtype).max)


def _mixed(
    shares: Float32[np.ndarray, "channel height width"], names: Sequence[str], wanted: Sequence[str]
) -> UInt8[np.ndarray, "height width 3"]:
    """Return wanted channels in their colours, a single one in grey."""
    places = [place for place, name in enumerate(names) if name in wanted] or list(range(len(names)))
    if len(places) > 1:
        return composite(shares[places], [names[place] for place in places])
    level = composite(shares[places], ("red",))[..., :1]
    return np.repeat(level, 3, axis=2)


def _window(plane: np.ndarray, x: int, y: int, half: int) -> np.ndarray:
    """Return a square of a plane; what lies beyond it is 0."""
    square = np.zeros((2 * half, 2 * half), plane.dtype)
    top, left = max(0, y - half), max(0, x - half)
    part = plane[top : max(0, y + half), left : max(0, x + half)]
    row, column = top - (y - half), left - (x - half)
    square[row : row + part.shape[0], column : column + part.shape[1]] = part
    return square


def encoded(picture: UInt8[np.ndarray, "height width 3"]) -> bytes:
    """Return a picture as WebP."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "WEBP", quality=_QUALITY, method=1)
    return buffer.getvalue()
