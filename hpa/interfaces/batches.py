"""Batches, outputs and results that the parts exchange.

Axes: `image`, `cell` (all cells of a batch, of several images, in one axis), `channel`, `class`, `plane` (an output
channel of a dense network), `instance`, `height`, `width`, `side` (of a square crop), `feature`. Logits are values
before the sigmoid, probabilities those after it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from jaxtyping import Bool, Float, Int
from torch import Tensor

from hpa.core.field import Field, Segmentation


@dataclass
class FieldBatch:
    """Whole images and where their cells lie, for models that see an image once.

    Attributes:
        images: Shrunk to one side, zeros beyond their edges; intensities in [0, 1].
        coverage: Share of each cell's area in each place of a grid over its image; a cell's shares sum to 1.
    """

    images: Float[Tensor, "image channel side side"]
    coverage: Float[Tensor, "cell grid grid"]


@dataclass
class CellBatch:
    """Cells of several images, their images' labels beside them.

    Attributes:
        crops: Each cell cropped, masked and resized; intensities in [0, 1] (the store's bit depth divided out). Of side
            0 where the model reads whole images.
        image_of_cell: For each cell, the row of its image in `image_targets`.
        cell_id: Number of each cell in the whole data set, the same in every epoch.
        cells_in_image: How many cells each image holds, drawn into this batch or not.
        image_targets: 0/1 (or soft) labels of each image.
        cell_targets: Labels of each cell where they are known, else NaN rows; None where no cell has any.
        fields: The whole images, in the order of `image_targets`, where the model reads those.
        corrected_targets: Classes of the cells that were corrected by hand, else NaN rows; None where none was, or the
            crops are no longer those of single cells.
    """

    crops: Float[Tensor, "cell channel side side"]
    image_of_cell: Int[Tensor, " cell"]
    cell_id: Int[Tensor, " cell"]
    cells_in_image: Int[Tensor, " image"]
    image_targets: Float[Tensor, "image class"]
    cell_targets: Float[Tensor, "cell class"] | None = None
    fields: FieldBatch | None = None
    corrected_targets: Float[Tensor, "cell class"] | None = None

    def __len__(self) -> int:
        """Count the cells."""
        return self.crops.shape[0]

    def with_views(self, pictures: Callable[[Tensor], Tensor], places: Callable[[Tensor], Tensor]) -> CellBatch:
        """Return the batch with the model's input changed, be it crops or whole images.

        Args:
            pictures: Changes crops or images: (picture, channel, side, side).
            places: Moves what lies on a grid over an image, (cell, grid, grid), as `pictures` moves the image.
        """
        if self.fields is None:
            return replace(self, crops=pictures(self.crops))
        return replace(self, fields=FieldBatch(pictures(self.fields.images), places(self.fields.coverage)))


@dataclass
class CellOutput:
    """What a model returns for the cells of a batch, from crops or from whole images.

    Attributes:
        features: Penultimate layer, one vector a cell.
        logits: One row a cell.
        maps: Class maps where the model makes any (class activation), else None.
        image_logits: One row an image where the model has an image head or pool, else None.
    """

    features: Float[Tensor, "cell feature"]
    logits: Float[Tensor, "cell class"]
    maps: Float[Tensor, "map class map_height map_width"] | None = None
    image_logits: Float[Tensor, "image class"] | None = None


@dataclass
class PixelBatch:
    """Images, or tiles of one size cropped from them, with their targets.

    Attributes:
        images: Intensities, scaled to about [0, 1].
        targets: Targets of a dense model, in the planes of its `PixelTarget`; no plane for a detector.
        label_maps: Instances, 0 background, numbered 1..n in each image.
        instance_classes: For each image the class of its instances 1..n.
        image_row: Row of each image in the image table, the same in every epoch.
        organs: Organ of each image, "" where unknown; None where the data set has no organs.
        pixel_um: Side of a pixel of `images`, µm; NaN where unknown.
        has_truth: Whether an image is annotated; where not, targets and label maps are empty. None: all are.
        soft_targets: Mean probability that a pixel is inside, predicted by earlier runs that held the image out; NaN
            in images without predictions, None where no image has any.
    """

    images: Float[Tensor, "image channel height width"]
    targets: Float[Tensor, "image plane height width"]
    label_maps: Int[Tensor, "image height width"]
    instance_classes: tuple[Int[Tensor, " _"], ...]
    image_row: Int[Tensor, " image"]
    organs: tuple[str, ...] | None = None
    pixel_um: Float[Tensor, " image"] | None = None
    has_truth: Bool[Tensor, " image"] | None = None
    soft_targets: Float[Tensor, "image height width"] | None = None

    def __len__(self) -> int:
        """Count the images."""
        return self.images.shape[0]


@dataclass
class PixelOutput:
    """What a dense model returns.

    Attributes:
        logits: One value a pixel and plane of its `PixelTarget`, before any sigmoid.
        features: Mean of the encoder's deepest map, one vector an image; None where the network gives none.
    """

    logits: Float[Tensor, "image plane height width"]
    features: Float[Tensor, "image feature"] | None = None


@dataclass
class InstanceOutput:
    """What a detector returns: its own loss terms in training, its instances in evaluation (one dict an image).

    Instances are `boxes` (instance, 4) x0 y0 x1 y1 in px, `classes` (instance,) from 0, `scores` (instance,) best
    first, and `masks` (instance, side, side): probabilities in the frame of each box, never at the size of the image,
    whose height and width stand in `size_px` (2,).
    """

    losses: dict[str, Tensor]
    instances: list[dict[str, Tensor]]


@dataclass(frozen=True)
class StepResult:
    """What a training strategy makes of a batch.

    Attributes:
        terms: Named loss terms; their sum is minimised. Empty outside training for a detector.
        output: The model's output for the batch as it is, which validation scores.
    """

    terms: dict[str, Float[Tensor, ""]]
    output: CellOutput | PixelOutput | InstanceOutput


@dataclass(frozen=True)
class Instances:
    """The instances of one image with their classes.

    Attributes:
        label_map: 0 background, instances numbered 1..n without gaps.
        classes: Class of each instance, from 0.
        scores: Confidence of each instance, or None for ground truth.
    """

    label_map: Int[Any, "height width"]
    classes: Int[Any, " instance"]
    scores: Float[Any, " instance"] | None = None


@dataclass(frozen=True)
class CellPrediction:
    """Probabilities of the cells of a batch or a field, on the CPU, cells in the order of the batch or label map."""

    probabilities: Float[Tensor, "cell class"]
    features: Float[Tensor, "cell feature"]
    image_probabilities: Float[Tensor, "image class"] | None = None


@dataclass(frozen=True)
class SegmentedField:
    """A field with its cells, as predictors of fields read it."""

    field: Field
    segmentation: Segmentation


@dataclass(frozen=True)
class CellRecord:
    """All predictions of one image, from which the files beside the submission are written.

    Attributes:
        segmented: The field and its cells.
        prediction: The predictor's output, before fusion and rules.
        confidences: The submitted confidences (numpy), cell 1 first.
    """

    segmented: SegmentedField
    prediction: CellPrediction
    confidences: Float[Any, "cell class"]
