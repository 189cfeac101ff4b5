"""The validation picture: a grid of cells with ground truth and prediction under each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from hpa.core.errors import InputError

GAP_PX = 8
LINE_PX = 16
FONT_PX = 12
BACKGROUND = "#15181c"
TRUTH_INK = "#9fb3c8"
PREDICTION_INK = "#ffffff"
ColouredLine = tuple[str, str]
"""Colour and text of a line."""


def grid_of_cells(
    pictures: UInt8[np.ndarray, "cell side side 3"],
    truths: Sequence[str],
    predictions: Sequence[str],
    columns: int = 6,
) -> UInt8[np.ndarray, "height width 3"]:
    """Return a grid of cells; under each the ground truth in grey, then the prediction in white.

    Args:
        pictures: Cells as `hpa.reports.pictures.composite_cells` gives them.
        truths: One text a cell; newlines separate lines, and long lines are wrapped between words.
        predictions: One text a cell, likewise.
        columns: Limit of cells in a row.

    Raises:
        InputError: If there is not one text of each kind for every cell.
    """
    if not len(pictures) == len(truths) == len(predictions):
        raise InputError(
            f"grid_of_cells: {len(pictures)} cells, {len(truths)} truths and {len(predictions)} predictions came; "
            "give one of each for every cell."
        )
    side = pictures.shape[1]
    words = [
        [(TRUTH_INK, line) for line in _wrapped(truth, side)]
        + [(PREDICTION_INK, line) for line in _wrapped(prediction, side)]
        for truth, prediction in zip(truths, predictions, strict=True)
    ]
    return _laid_out(pictures, words, max(1, min(columns, len(pictures))))


def _laid_out(
    pictures: UInt8[np.ndarray, "cell side side 3"], words: Sequence[Sequence[ColouredLine]], columns: int
) -> UInt8[np.ndarray, "height width 3"]:
    """Return the sheet: rows of pictures, all as high as the longest text needs."""
    side, rows = pictures.shape[1], max(1, -(-len(pictures) // columns))
    pitch = (side + GAP_PX, side + GAP_PX + LINE_PX * max((len(lines) for lines in words), default=0))
    sheet = Image.new("RGB", (columns * pitch[0] + GAP_PX, rows * pitch[1] + GAP_PX), BACKGROUND)
    for number, (picture, lines) in enumerate(zip(pictures, words, strict=True)):
        left, top = GAP_PX + (number % columns) * pitch[0], GAP_PX + (number // columns) * pitch[1]
        sheet.paste(Image.fromarray(picture), (left, top))
        _write(ImageDraw.Draw(sheet), (left, top + side), lines)
    return np.asarray(sheet)


def _wrapped(text: str, width_px: int) -> list[str]:
    """Return the lines of a text, broken between words where they are too long; a longer word is shortened."""
    font = ImageFont.load_default(FONT_PX)
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for word in paragraph.split():
            tried = f"{line} {word}".strip()
            if line and font.getlength(tried) > width_px:
                lines.append(line)
                tried = word
            line = tried
        lines.append(line)
    return [_shortened(line, width_px, font) for line in lines]


def _shortened(line: str, width_px: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """Return the line, or as much of it as fits with an ellipsis."""
    if font.getlength(line) <= width_px:
        return line
    while line and font.getlength(f"{line}…") > width_px:
        line = line[:-1]
    return f"{line}…"


def _write(draw: ImageDraw.ImageDraw, corner: tuple[int, int], lines: Sequence[ColouredLine]) -> None:
    """Write lines below each other."""
    font = ImageFont.load_default(FONT_PX)
    for number, (colour, text) in enumerate(lines):
        draw.text((corner[0], corner[1] + 2 + number * LINE_PX), text, colour, font)
