"""Predicted cells in memory: their masks as text, which takes little room, the rest as arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, Float32, Int32, Int64

from hpa.core.encoding import decode_label_map, decode_mask
from hpa.core.errors import InputError
from hpa.core.submission import format_prediction
from hpa.core.submission_table import PREDICTION_COLUMN
from hpa.inference.exports.anndata import cells_as_anndata
from hpa.inference.exports.cell_rows import CellRows, feature_name, schema_of, table_of
from hpa.inference.exports.coco import image_with_cells, instances_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class Cell:
    """One cell of an image.

    Attributes:
        image: The image.
        number: Its number in the label map, from 1.
    """

    image: PredictedImage
    number: int

    def __repr__(self) -> str:
        """Return image, number and class on one line."""
        name = "" if self.class_name is None else f", {self.class_name} {self.confidences.max():.2f}"
        return f"Cell({self.number} of {len(self.image)} in {self.image.image_id!r}{name})"

    @property
    def mask(self) -> Bool[np.ndarray, "height width"]:
        """Return its mask, of the size of the image."""
        return decode_mask(self.image.masks[self.number - 1], self.image.height, self.image.width)

    @property
    def box_px(self) -> tuple[int, int, int, int]:
        """Return top, left, bottom, right; the last row and column are outside, as of a slice."""
        top, left, bottom, right = self.image.boxes_px[self.number - 1].tolist()
        return top, left, bottom, right

    @property
    def probabilities(self) -> Float32[np.ndarray, " class"]:
        """Return what the network gives for each class."""
        return self.image.probabilities[self.number - 1]

    @property
    def confidences(self) -> Float32[np.ndarray, " class"]:
        """Return what stands in the submission: after fusion and rules."""
        return self.image.confidences[self.number - 1]

    @property
    def class_name(self) -> str | None:
        """Return the class of the highest confidence; None of a network that distinguishes no classes."""
        names = self.image.class_names
        return names[int(self.confidences.argmax())] if names else None


@dataclass(frozen=True, repr=False)
class PredictedImage:
    """The cells of one image, numbered from 1.

    Attributes:
        image_id: Its name.
        height: px.
        width: px.
        class_names: Name of each class.
        masks: Competition string of each cell.
        rows: What is known of each cell.
    """

    image_id: str
    height: int
    width: int
    class_names: tuple[str, ...]
    masks: tuple[str, ...]
    rows: CellRows

    def __repr__(self) -> str:
        """Return name, size and counts on one line."""
        counts = _counts(cell=len(self), **_classes(self.class_names))
        return f"PredictedImage({self.image_id!r}, {self.height} x {self.width} px, {counts})"

    def __len__(self) -> int:
        """Count the cells."""
        return len(self.masks)

    def __iter__(self) -> Iterator[Cell]:
        """Give each cell."""
        return (Cell(self, number) for number in range(1, len(self) + 1))

    @property
    def label_map(self) -> Int32[np.ndarray, "height width"]:
        """Return the label map: 0 background, cells numbered from 1."""
        return decode_label_map(dict(enumerate(self.masks, start=1)), self.height, self.width)

    @property
    def boxes_px(self) -> Int64[np.ndarray, "cell 4"]:
        """Return top, left, bottom, right of each cell."""
        sides = [self.rows.measures[name].to_numpy() for name in ("top_px", "left_px", "bottom_px", "right_px")]
        return np.stack(sides, axis=1).astype(np.int64)

    @property
    def probabilities(self) -> Float32[np.ndarray, "cell class"]:
        """Return what the network gives for each cell and class."""
        return self.rows.probabilities

    @property
    def confidences(self) -> Float32[np.ndarray, "cell class"]:
        """Return what stands in the submission: after fusion and rules."""
        return self.rows.confidences

    @property
    def features(self) -> Float32[np.ndarray, "cell feature"]:
        """Return the penultimate layer of the network."""
        return self.rows.features

    def submission_row(self) -> dict[str, Any]:
        """Return ID, ImageWidth, ImageHeight and PredictionString."""
        text = format_prediction(self.masks, self.confidences)
        return {"ID": self.image_id, "ImageWidth": self.width, "ImageHeight": self.height, PREDICTION_COLUMN: text}


@dataclass(frozen=True, repr=False)
class Predictions:
    """The cells of several images.

    Attributes:
        images: Each image with its cells, in the order given.
        class_names: Name of each class.
    """

    images: tuple[PredictedImage, ...]
    class_names: tuple[str, ...]

    def __repr__(self) -> str:
        """Return the counts on one line."""
        cells = sum(len(image) for image in self.images)
        return f"Predictions({_counts(image=len(self), cell=cells, **_classes(self.class_names))})"

    def __len__(self) -> int:
        """Count the images."""
        return len(self.images)

    def __iter__(self) -> Iterator[PredictedImage]:
        """Give each image."""
        return iter(self.images)

    def __getitem__(self, image_id: str | int) -> PredictedImage:
        """Return an image by its name, or by its place from 0.

        Raises:
            InputError: If there is none of this name.
            IndexError: If there is none at this place.
        """
        if isinstance(image_id, int):
            return self.images[image_id]
        for image in self.images:
            if image.image_id == image_id:
                return image
        names = ", ".join(image.image_id for image in self.images[:5])
        raise InputError(f"there is no image {image_id!r}; the images are {names}{' …' if len(self) > 5 else ''}.")

    @property
    def cells(self) -> list[Cell]:
        """Return the cells of all images."""
        return [cell for image in self.images for cell in image]

    def to_pandas(self) -> pd.DataFrame:
        """Return one row a cell: place, size, a probability and a confidence (`confidence_…`) for each class."""
        rows = [_without_features(image.rows) for image in self.images]
        schema = schema_of(self.class_names, 0)
        table = table_of(rows, schema) if rows else schema.empty_table()
        return table.to_pandas()

    def to_submission(self) -> pd.DataFrame:
        """Return the submission: ID, ImageWidth, ImageHeight, PredictionString."""
        import pandas as pd

        columns = ["ID", "ImageWidth", "ImageHeight", PREDICTION_COLUMN]
        return pd.DataFrame([image.submission_row() for image in self.images], columns=columns)

    def to_coco(self) -> dict[str, Any]:
        """Return COCO instances, as `also=coco` writes them: `images`, `annotations`, `categories`."""
        images = [image_with_cells(image.image_id, image.label_map, image.confidences) for image in self.images]
        return instances_of(images, self.class_names)

    def to_anndata(self) -> Any:
        """Return an AnnData of cells by features, as `also=anndata` writes it.

        Raises:
            InputError: If the package anndata is missing.
        """
        schema = schema_of(self.class_names, 0)
        rows = [_without_features(image.rows) for image in self.images]
        features = [image.features for image in self.images]
        count = features[0].shape[1] if features else 0
        matrix = np.concatenate([np.zeros((0, count), np.float32), *features])
        names = [feature_name(index) for index in range(count)]
        return cells_as_anndata(table_of(rows, schema), names, self.class_names, matrix)


def _classes(names: tuple[str, ...]) -> dict[str, int]:
    return {"class": len(names)} if names else {}


def _counts(**counts: int) -> str:
    """Return numbers of things in words: 6 images, 114 cells, 19 classes."""
    ending = {"class": "es"}
    return ", ".join(f"{count:,} {what}{'' if count == 1 else ending.get(what, 's')}" for what, count in counts.items())


def _without_features(rows: CellRows) -> CellRows:
    return CellRows(rows.measures, rows.measured, rows.probabilities, rows.confidences, rows.features[:, :0])
