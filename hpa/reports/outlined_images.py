"""Images with outlined cells, their most probable classes and the ground truth."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from jaxtyping import Float, Float32, Int32, UInt8
from scipy import ndimage

from hpa.core.field import Field
from hpa.reports.class_styles import UNPREDICTED, ClassStyle
from hpa.reports.facts import RunFacts
from hpa.reports.page import data_uri
from hpa.reports.pictures import composite, outline

WIDTH_PX = 1000
"""Images are shown at this width, about twice what they take in the page, so that outlines are always as thin."""
MAX_IMAGES = 100
"""About 100 kB each: a page of more is slow to open."""
_TOP_CLASSES = 3
_MIN_CONFIDENCE = 0.1
"""A second or third class below this is not worth reading."""
_LETTER_PERCENT, _NAME_PERCENT, _RIM_PERCENT = 1.2, 18.0, (9.7, 5.5)
"""Widths of a letter and of the longest line of a name, and how far the middle of a name stays from the edges
(`--rim`), in percent of an image as wide as the page shows it."""
_SCALE_BARS_UM = (100, 50, 20, 10, 5, 2, 1)


@dataclass(frozen=True)
class ClassPrediction:
    """A predicted class; `is_correct` is None where the ground truth of the cell is not known."""

    name: str
    style: ClassStyle
    confidence: float
    is_correct: bool | None


@dataclass(frozen=True)
class CellNote:
    """The annotation of one cell; `left` and `top` are in percent of the picture."""

    cell: int
    left: float
    top: float
    predictions: tuple[ClassPrediction, ...]
    truth: tuple[tuple[str, ClassStyle], ...]
    """Name and look of each class of the ground truth; of the image where the cell's is not known."""
    has_room: bool = True
    """Whether the name of its first class lies on no other number or name."""


@dataclass(frozen=True)
class OutlinedImage:
    """One image in the page."""

    image_id: str
    heading: str
    picture: str
    width_px: int
    height_px: int
    size: str
    notes: tuple[CellNote, ...]
    scale_bar: tuple[str, float] | None
    """Length and its share of the width in percent."""


def outlined_images(facts: RunFacts) -> list[OutlinedImage]:
    """Return the images whose cells have known classes: that of the lowest mean loss, then from the highest loss on.

    Of more than `MAX_IMAGES` those evenly spaced along this order.
    """
    worst_first = images_by_loss(facts)
    images = [*worst_first[-1:], *worst_first[:-1]]
    places = np.unique(np.linspace(0, len(images) - 1, min(MAX_IMAGES, len(images))).round().astype(int))
    names = {0: "Lowest loss", 1: "Highest loss"}
    return [
        _view(facts, images[place][0], f"{names.get(place, 'Loss')} ({images[place][1]:.3f})")
        for place in places.tolist()
    ]


def images_by_loss(facts: RunFacts) -> list[tuple[str, float]]:
    """Return id and mean cross-entropy of the images whose cells have known classes, highest first."""
    known = np.flatnonzero(facts.has_truth)
    ids = facts.cells["image_id"].astype(str).to_numpy()[known]
    losses = _losses(facts.probabilities[known], facts.truth[known])
    means = [(str(image), float(losses[ids == image].mean())) for image in np.unique(ids)]
    return sorted(means, key=lambda one: -one[1])


def outlined_picture(
    facts: RunFacts, image_id: str
) -> tuple[UInt8[np.ndarray, "shown_height shown_width 3"], Int32[np.ndarray, "shown_height shown_width"], Field]:
    """Return a field `WIDTH_PX` wide with every cell outlined in its most probable class, its cells, and the field.

    Args:
        facts: The run.
        image_id: Of one of its held-out images.
    """
    shown = facts.field_of(image_id)
    field, cells = shown.field, shown.segmentation.cells
    height, width = cells.shape
    size = (WIDTH_PX, max(1, round(height * WIDTH_PX / width)))
    smoothing = cv2.INTER_AREA if width > WIDTH_PX else cv2.INTER_LINEAR
    pixels = np.stack([cv2.resize(plane, size, interpolation=smoothing) for plane in _as_float(field)])
    small_map = cv2.resize(cells, size, interpolation=cv2.INTER_NEAREST)
    row_of_cell = _rows_of(facts, image_id)
    styles = [_style(facts, row_of_cell.get(cell)) for cell in range(1, int(cells.max(initial=0)) + 1)]
    return outline(composite(pixels, field.channels), small_map, styles, thickness_px=2), small_map, field


def scale_bar(width_um: float) -> tuple[str, float] | None:
    """Return the longest round length that takes at most a fifth of an image, and its share of the width in percent."""
    fitting = [length for length in _SCALE_BARS_UM if length <= width_um / 5]
    return (f"{fitting[0]} µm", round(100 * fitting[0] / width_um, 2)) if fitting else None


def _losses(
    probabilities: Float[np.ndarray, "cell class"], truth: Float[np.ndarray, "cell class"]
) -> Float[np.ndarray, " cell"]:
    """Return the mean cross-entropy of each cell."""
    clipped = np.clip(probabilities.astype(np.float64), 1e-6, 1 - 1e-6)
    entropy: Float[np.ndarray, " cell"] = -(truth * np.log(clipped) + (1 - truth) * np.log1p(-clipped)).mean(axis=1)
    return entropy


def _view(facts: RunFacts, image_id: str, heading: str) -> OutlinedImage:
    picture, small_map, field = outlined_picture(facts, image_id)
    height, width = field.pixels.shape[1:]
    return OutlinedImage(
        image_id,
        heading,
        data_uri(picture),
        picture.shape[1],
        picture.shape[0],
        f"{width} × {height} px, {field.pixel_um:.3g} µm a pixel",
        tuple(_notes(facts, _rows_of(facts, image_id), small_map)),
        scale_bar(width * field.pixel_um),
    )


def _rows_of(facts: RunFacts, image_id: str) -> dict[int, int]:
    """Return the row of each cell of an image, by its number."""
    rows = np.flatnonzero(facts.cells["image_id"].astype(str).to_numpy() == image_id)
    return {int(facts.cells["cell"].iloc[row]): int(row) for row in rows}


def _as_float(field: Field) -> Float32[np.ndarray, "channel height width"]:
    return field.pixels.astype(np.float32) / np.float32(np.iinfo(field.pixels.dtype).max)


def _style(facts: RunFacts, row: int | None) -> ClassStyle:
    """Return the look of the most probable class; grey for a cell without prediction."""
    if row is None or not np.isfinite(facts.probabilities[row]).all():
        return UNPREDICTED
    return facts.class_styles[int(facts.probabilities[row].argmax())]


def _notes(
    facts: RunFacts, row_of_cell: dict[int, int], label_map: Int32[np.ndarray, "height width"]
) -> list[CellNote]:
    height, width = label_map.shape
    notes = []
    windows = ndimage.find_objects(label_map)
    for cell, row in sorted(row_of_cell.items()):
        window = windows[cell - 1] if 0 < cell <= len(windows) else None
        if window is None:  # too small to be seen at this size
            continue
        y, x = _innermost(label_map, window, cell)
        predictions, truth = _predictions(facts, row), facts.truth[row]
        targets = truth if np.isfinite(truth).all() else facts.image_targets[row]
        place = (round(100 * x / width, 2), round(100 * y / height, 2))
        notes.append(CellNote(cell, *place, predictions, facts.classes_in(targets)))
    return _with_room(notes, width / height)


def _with_room(notes: list[CellNote], aspect: float) -> list[CellNote]:
    """Return the notes, without room for names that would lie on a number or on an earlier name.

    Args:
        notes: Of an image.
        aspect: Its width over its height.
    """
    middles = [(_within(note.left, _RIM_PERCENT[0]), _within(note.top, _RIM_PERCENT[1] * aspect)) for note in notes]
    numbers = [(x - 2.5, y - 2.5 * aspect, x + 2.5, y) for x, y in middles]  # the name lies below, both in the middle
    names: list[tuple[float, float, float, float]] = []
    placed = []
    for note, number, (x, y) in zip(notes, numbers, middles, strict=True):
        width = len(note.predictions[0].name) * _LETTER_PERCENT
        half = min(_NAME_PERCENT, width) / 2
        box = (x - half, y, x + half, y + 2 * (1 + int(width / _NAME_PERCENT)) * aspect)
        has_room = not any(_overlap(box, other) for other in [*numbers, *names] if other is not number)
        names += [box] if has_room else []
        placed.append(replace(note, has_room=has_room))
    return placed


def _within(place: float, rim: float) -> float:
    return min(max(place, rim), 100 - rim)


def _overlap(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _innermost(label_map: Int32[np.ndarray, "height width"], window: tuple[slice, slice], cell: int) -> tuple[int, int]:
    """Return the (row, column) farthest from the edge of the cell: its centroid may lie outside of it."""
    depth = ndimage.distance_transform_edt(np.pad(label_map[window] == cell, 1))
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return window[0].start + int(y) - 1, window[1].start + int(x) - 1


def _predictions(facts: RunFacts, row: int) -> tuple[ClassPrediction, ...]:
    probabilities, truth = facts.probabilities[row], facts.truth[row]
    known = bool(np.isfinite(truth).all())
    # of two classes the second is implied by the first
    count = min(_TOP_CLASSES, max(1, len(probabilities) - 1))
    top = np.argsort(-np.nan_to_num(probabilities), kind="stable")[:count]
    return tuple(
        ClassPrediction(
            facts.class_names[index],
            facts.class_styles[index],
            float(probabilities[index]),
            bool(truth[index] > 0.5) if known else None,
        )
        for rank, index in enumerate(top)
        if rank == 0 or probabilities[index] >= _MIN_CONFIDENCE
    )
