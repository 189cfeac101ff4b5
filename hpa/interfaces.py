"""The roles of the architecture on one page: what flows between the parts, and what each part must do.

Axes: `image`, `cell` (all cells of a batch, of several images, in one axis), `channel`, `class`, `height`, `width`,
`side` (of a square crop), `feature`. Probabilities are called so; everything before the sigmoid is called logits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hpa.core.field import Field, Segmentation

if TYPE_CHECKING:
    from hpa.data.table import ImageTable

Split = Literal["train", "test"]
Unit = Literal["cell", "image"]
"""What a strategy must see whole: `cell` lets the sampler shuffle cells, `image` keeps an image's cells together."""


# ------------------------------------------------------------------------------------------------ what flows
@dataclass
class CellBatch:
    """Cells of several images, their images' labels beside them.

    Attributes:
        crops: Each cell cut out, masked and resized; intensities in [0, 1] (the store's bit depth divided out).
        image_of_cell: For each cell, the row of its image in `image_targets`.
        cell_id: Number of each cell in the whole data set, the same in every epoch.
        cells_in_image: How many cells each image holds, drawn into this batch or not.
        image_targets: 0/1 (or soft) labels of each image.
        cell_targets: Labels of each cell where they are known, else NaN rows; None where no cell has any.
    """

    crops: Float[Tensor, "cell channel side side"]
    image_of_cell: Int[Tensor, " cell"]
    cell_id: Int[Tensor, " cell"]
    cells_in_image: Int[Tensor, " image"]
    image_targets: Float[Tensor, "image class"]
    cell_targets: Float[Tensor, "cell class"] | None = None

    def __len__(self) -> int:
        """Count the cells."""
        return self.crops.shape[0]


@dataclass
class CellOutput:
    """What a model says of the cells of a batch, whichever way it looked at them.

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
    """Images, or tiles of one size cut out of them, with what is known of every pixel.

    Attributes:
        images: Intensities, scaled to about [0, 1].
        targets: What a dense model should say, in the planes of its `PixelTarget`; no plane for a detector.
        label_maps: Instances, 0 background, numbered 1..n in each image.
        instance_classes: For each image the class of its instances 1..n.
        image_row: Row of each image in the image table, the same in every epoch.
    """

    images: Float[Tensor, "image channel height width"]
    targets: Float[Tensor, "image plane height width"]
    label_maps: Int[Tensor, "image height width"]
    instance_classes: tuple[Int[Tensor, " instance"], ...]
    image_row: Int[Tensor, " image"]

    def __len__(self) -> int:
        """Count the images."""
        return self.images.shape[0]


@dataclass
class PixelOutput:
    """What a dense model says of every pixel, in the planes of its `PixelTarget`, before any sigmoid."""

    logits: Float[Tensor, "image plane height width"]


@dataclass
class InstanceOutput:
    """What a detector says: its own loss terms in training, its instances in evaluation (one dict an image).

    Instances are `boxes` (instance, 4) x0 y0 x1 y1 in px, `classes` (instance,) from 0, `scores` (instance,) best
    first, and `masks` (instance, side, side): probabilities in the frame of each box, never at the size of the image.
    """

    losses: dict[str, Tensor]
    instances: list[dict[str, Tensor]]


@dataclass(frozen=True)
class Instances:
    """The instances of one image with their classes.

    Attributes:
        label_map: 0 background, instances numbered 1..n without gaps.
        classes: Class of each instance, from 0.
        scores: How sure each instance is, or None where they are a truth.
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
    """A field with its cells: what predictors of fields read."""

    field: Field
    segmentation: Segmentation


# ------------------------------------------------------------------------------------------------ who does what
@runtime_checkable
class CellTruth(Protocol):
    """Classes of single cells, where somebody or something knows them."""

    def targets_for(self, cells: Int[Any, "height width"], image_id: str) -> Float[Any, "cell class"]:
        """Return the classes of the cells of a label map (numpy float32), NaN rows where they are not known."""


@runtime_checkable
class ImageSource(Protocol):
    """A data set on disk, whatever its layout (`data=`)."""

    channels: tuple[str, ...]
    class_names: tuple[str, ...]

    @property
    def cell_truth(self) -> CellTruth | None:
        """Classes of the training cells, or None where there are none."""

    def table(self, split: Split) -> ImageTable:
        """List the images of a split; rows that cannot be used stand in `table.problems`, none is dropped."""

    def read(self, image_id: str, split: Split) -> Field:
        """Read one image; InputError says which file is wrong and why."""

    def identity(self, image_id: str, split: Split) -> str:
        """Name an image's content without decoding it (paths, sizes, times of its files): what caches are keyed by."""


@runtime_checkable
class InstanceTruth(Protocol):
    """A data set that knows the outline of each instance of its training images."""

    def instances(self, image_id: str) -> Instances:
        """Read the instances of a training image; InputError says which file is wrong and why."""


@runtime_checkable
class Segmenter(Protocol):
    """Finds cells (`segmenter=`)."""

    channels: tuple[str, ...]
    """The channels it reads; a field may hold more, in any order."""

    def segment(self, fields: Sequence[Field]) -> list[Segmentation]:
        """Segment fields of any size and bit depth, one result a field, cells numbered 1..n."""

    def fingerprint(self) -> dict[str, Any]:
        """Everything that decides the result (settings, hash of the weights), as plain types: the cache key."""


@runtime_checkable
class FileSegmenter(Protocol):
    """A segmenter whose result depends on a file of its own for each image: the file belongs to the cache key too."""

    def fingerprint_of(self, image_id: str) -> dict[str, Any]:
        """What decides the result of this image beside `fingerprint`; InputError where the file is missing."""


@runtime_checkable
class Loss(Protocol):
    """Element-wise or ranking loss on logits (`loss=`)."""

    def __call__(
        self,
        logits: Float[Tensor, "row class"],
        targets: Float[Tensor, "row class"],
        weights: Float[Tensor, "row class"] | None = None,
    ) -> Float[Tensor, ""]:
        """Return the mean loss; targets in [0, 1] may be soft; weights multiply each element before the mean."""


@runtime_checkable
class PixelLoss(Protocol):
    """Loss on planes of pixels (`loss=` of dense models)."""

    def __call__(
        self,
        logits: Float[Tensor, "image plane height width"],
        targets: Float[Tensor, "image plane height width"],
    ) -> Float[Tensor, ""]:
        """Return the mean loss."""


@runtime_checkable
class PixelTarget(Protocol):
    """How instances are told to a dense network, and read from it again (`model/target=`)."""

    plane_count: int

    def planes(self, instances: Instances) -> Float[Any, "plane height width"]:
        """Return what the network should say of a whole image (numpy float32)."""

    def turned(self, planes: Float[Any, "plane height width"], linear: Float[Any, "2 2"]) -> Float[Any, "plane h w"]:
        """Return planes that were warped already, with their directions turned too.

        `linear` takes a step (y, x) of the image before the warp to the step after it.
        """

    def read(self, logits: Float[Any, "plane height width"]) -> Instances:
        """Return the instances that a network's output (numpy float32) means."""


@runtime_checkable
class PixelModel(Protocol):
    """A network of whole images or tiles, dense or a detector."""

    target: PixelTarget

    def __call__(self, batch: PixelBatch) -> PixelOutput | InstanceOutput:
        """Return what the network says of images of any size."""

    def instances(self, output: Any) -> list[Instances]:
        """Return the instances of each image of an output in evaluation mode, painted on label maps."""


@runtime_checkable
class Supervision(Protocol):
    """A way to teach the model (`supervision=`): an nn.Module that holds the loss it was given.

    What it remembers between steps are its buffers, what it learns its parameters; both are saved and resumed.
    """

    unit: Unit

    def terms(self, model: nn.Module, batch: Any, progress: float) -> dict[str, Float[Tensor, ""]]:
        """Call the model and return named loss terms; their sum is minimised. `progress` runs from 0 to 1.

        Called in validation too, with the model in evaluation mode: what its first call says is scored.
        """

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        """Give what is trained beside the model."""


@runtime_checkable
class CellModel(Protocol):
    """What a strategy may ask of a network of cells."""

    feature_count: int
    """Length of a vector of `CellOutput.features`."""
    class_count: int

    def __call__(self, batch: CellBatch) -> CellOutput:
        """Return what the network says of the batch's cells."""


@runtime_checkable
class Attachable(Protocol):
    """A part of a strategy that needs the network itself: a teacher copied from it, a pool of its widths."""

    def attach(self, model: CellModel) -> None:
        """Complete the part; called once, before training and before anything is loaded from a checkpoint."""


@runtime_checkable
class Pool(Protocol):
    """Says of a bag of cells what its cells together show (`supervision/pooling=`)."""

    def __call__(
        self, output: CellOutput, bag_of_cell: Int[Tensor, " cell"], bag_count: int
    ) -> Float[Tensor, "bag class"]:
        """Return one row of logits for each bag; bags are numbered from 0 and none is empty."""


@runtime_checkable
class CellAugmentation(Protocol):
    """Changes crops of the training set (`augment=`)."""

    def __call__(
        self, crop: Float[Any, "side side channel"], mask: Bool[Any, "side side"], seed: int
    ) -> Float[Any, "side side channel"]:
        """Return the changed crop (numpy float32 in [0, 1]); the same seed gives the same change."""


@runtime_checkable
class Predictor(Protocol):
    """Model, or a wrapper of predictors (test-time augmentation), on batches."""

    def predict(self, batch: CellBatch) -> CellPrediction:
        """Return probabilities of the batch's cells."""


@runtime_checkable
class FieldPredictor(Protocol):
    """Model with its own pre-processing, or an ensemble of such, on segmented fields."""

    def predict(self, fields: Sequence[SegmentedField]) -> list[CellPrediction]:
        """Return one prediction a field, its rows in the order of the label map (cell 1 first)."""


@runtime_checkable
class Fusion(Protocol):
    """Joins what a cell shows with what its whole image shows (`fusion=`)."""

    def __call__(self, prediction: CellPrediction) -> Float[Any, "cell class"]:
        """Return one confidence a cell and class (numpy), higher is surer."""


@runtime_checkable
class Rule(Protocol):
    """Changes confidences after the network (`rules=`): border, area, nucleus, negative class."""

    def __call__(self, field: SegmentedField, probabilities: Float[Any, "cell class"]) -> Float[Any, "cell class"]:
        """Return the changed confidences (numpy), higher is surer."""
