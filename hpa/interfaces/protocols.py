"""Protocols of the parts that data and training are made of; axes are named as in `batches`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hpa.core.field import Field, Segmentation
from hpa.core.submission_table import TableRow
from hpa.interfaces.batches import (
    CellBatch,
    CellOutput,
    InstanceOutput,
    Instances,
    PixelBatch,
    PixelOutput,
    StepResult,
)

if TYPE_CHECKING:
    from hpa.core.image_table import ImageTable

Split = Literal["train", "test"]
Unit = Literal["cell", "image"]
"""What a batch keeps together: "cell" shuffles the cells of all images, "image" keeps the cells of an image."""


@runtime_checkable
class CellTruth(Protocol):
    """True classes of single cells."""

    def targets_for(self, cells: Int[Any, "height width"], image_id: str) -> Float[Any, "cell class"]:
        """Return the classes of the cells of a label map (numpy float32), NaN rows where they are unknown."""


@runtime_checkable
class MaskTruth(Protocol):
    """True masks of cells with their classes."""

    def row_of(self, image_id: str) -> TableRow | None:
        """Return the true masks and classes of an image as a table row, None where it has none."""


@runtime_checkable
class ImageSource(Protocol):
    """A data set on disk, whatever its layout (`data=`)."""

    channels: tuple[str, ...]
    class_names: tuple[str, ...]

    @property
    def cell_truth(self) -> CellTruth | None:
        """True classes of the training cells, or None."""

    def table(self, split: Split) -> ImageTable:
        """List the images of a split; unusable rows are listed in `table.problems`, none is dropped."""

    def read(self, image_id: str, split: Split) -> Field:
        """Read one image; InputError names the file and the reason."""

    def identity(self, image_id: str, split: Split) -> str:
        """Return a cache key of an image's content without decoding it (`file_identity`)."""


@runtime_checkable
class InstanceTruth(Protocol):
    """A data set with the outline of each instance of its training images."""

    def instances(self, image_id: str) -> Instances:
        """Read the instances of a training image; InputError names the file and the reason."""


@runtime_checkable
class Segmenter(Protocol):
    """Finds cells (`segmenter=`)."""

    channels: tuple[str, ...]
    """The channels it reads; a field may hold more, in any order."""

    def segment(self, fields: Sequence[Field]) -> list[Segmentation]:
        """Segment fields of any size and bit depth, one result a field, cells numbered 1..n."""

    def fingerprint(self) -> dict[str, Any]:
        """Return all that decides the result (settings, hash of the weights) as plain types: the cache key."""


@runtime_checkable
class NamesCells(Protocol):
    """A segmenter that also predicts the class of each cell, as detectors do."""

    class_names: tuple[str, ...]
    """Its classes; empty where it finds cells only."""

    def instances(self, field: Field) -> Instances:
        """Return the cells of a field with their classes and scores."""


@runtime_checkable
class FileSegmenter(Protocol):
    """A segmenter that reads a file for each image; that file is part of the cache key."""

    def fingerprint_of(self, image_id: str) -> dict[str, Any]:
        """Return what decides the result of this image beside `fingerprint`; InputError where the file is missing."""


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
    """How instances are encoded as planes of a dense network, and decoded again (`model/target=`)."""

    plane_count: int

    def planes(self, instances: Instances) -> Float[Any, "plane height width"]:
        """Return the target planes of a whole image (numpy float32)."""

    def rotate_vectors(
        self, planes: Float[Any, "plane height width"], linear: Float[Any, "2 2"]
    ) -> Float[Any, "plane h w"]:
        """Return warped planes with their vectors rotated as the image was.

        `linear` maps a step (y, x) of the image before the warp to the step after it.
        """

    def read(self, logits: Float[Any, "plane height width"]) -> Instances:
        """Return the instances that a network's output (numpy float32) encodes."""


@runtime_checkable
class CellModel(Protocol):
    """A classifier of cells."""

    feature_count: int
    """Length of a vector of `CellOutput.features`."""
    class_count: int

    def __call__(self, batch: CellBatch) -> CellOutput:
        """Return features and logits of the batch's cells."""


@runtime_checkable
class SeesFields(Protocol):
    """A classifier of cells that reads whole images (`CellBatch.fields`) and pools its maps under each cell."""

    stride: int
    """Side of a place of its maps, in px of the image it reads."""


@runtime_checkable
class GivesMaps(Protocol):
    """A classifier of cells with class activation maps: `CellOutput.maps`."""

    gives_maps: bool
    """Whether outputs hold the maps; set by strategies that read them."""


@runtime_checkable
class PixelModel(Protocol):
    """A network of whole images or tiles, dense or a detector."""

    target: PixelTarget

    def __call__(self, batch: PixelBatch) -> PixelOutput | InstanceOutput:
        """Return the output for images of any size."""

    def instances(self, output: Any) -> list[Instances]:
        """Return the instances of each image of an output in evaluation mode, painted on label maps."""


@runtime_checkable
class Supervision(Protocol):
    """A training strategy (`supervision=`): an nn.Module that holds its loss and calls the model itself.

    Inherit from it for the defaults: `class MyStrategy(nn.Module, Supervision)`. Its state lies in buffers, what it
    trains beside the model in parameters; both are saved and resumed. Its task is `_task_` in conf/supervision/.
    """

    @property
    def unit(self) -> Unit:
        """What its batches keep together."""
        return "cell"

    @property
    def image_batches_from(self) -> float:
        """Share of training from which on unit "image" holds, in [0, 1]; before it cells are shuffled."""
        return 0.0

    @property
    def teacher_runs(self) -> tuple[str, ...]:
        """Folders of the earlier runs whose held-out predictions it learns from."""
        return ()

    def step(self, model: nn.Module, batch: Any, progress: float) -> StepResult:
        """Return named loss terms, whose sum is minimised, and the output that is scored.

        Args:
            model: The network, in evaluation mode while validating.
            batch: A `CellBatch` or a `PixelBatch`.
            progress: Share of the training that is done, in [0, 1].
        """
        raise NotImplementedError

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        """Yield what is trained beside the model, as every nn.Module does."""
        raise NotImplementedError


@runtime_checkable
class Pool(Protocol):
    """Pools the cells of a bag into one prediction of the bag (`supervision/pooling=`)."""

    def __call__(
        self, output: CellOutput, bag_of_cell: Int[Tensor, " cell"], bag_count: int
    ) -> Float[Tensor, "bag class"]:
        """Return one row of logits a bag; bags are numbered from 0 and none is empty."""


@runtime_checkable
class CellAugmentation(Protocol):
    """Changes crops of the training set (`augment=`)."""

    def __call__(
        self, crop: Float[Any, "side side channel"], mask: Bool[Any, "side side"], seed: int
    ) -> Float[Any, "side side channel"]:
        """Return the changed crop (numpy float32 in [0, 1]); the same seed gives the same change."""


@runtime_checkable
class BatchAugmentation(Protocol):
    """Changes whole batches of the training set on the network's device (`batch_augment=`).

    It draws from torch's generator of the CPU, which is seeded before every batch, so that all devices draw the same.
    """

    def __call__(self, batch: CellBatch) -> CellBatch:
        """Return the changed batch; the input stays as it is."""


@runtime_checkable
class Sampling(Protocol):
    """How often each image or cell is drawn for training (`sampling=`)."""

    def weights(
        self, image_targets: Float[Any, "image class"], cells: Int[Any, " image"], unit: Unit
    ) -> Float[Any, " image"]:
        """Return relative frequencies (numpy, > 0) of the images, with unit "cell" of each of their cells.

        `cells` counts the cells of each image.
        """
