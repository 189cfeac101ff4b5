"""What each part of the architecture must do; axes are named as in `what_flows`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hpa.core.field import Field
from hpa.core.submission_table import TableRow
from hpa.interfaces.batches import (
    CellBatch,
    CellOutput,
    CellPrediction,
    CellRecord,
    InstanceOutput,
    Instances,
    PixelBatch,
    PixelOutput,
    SegmentedField,
)

if TYPE_CHECKING:
    from hpa.core.image_table import ImageTable

Split = Literal["train", "test"]
Unit = Literal["cell", "image"]
"""What a strategy must see whole: `cell` lets the sampler shuffle cells, `image` keeps an image's cells together."""


@runtime_checkable
class CellTruth(Protocol):
    """Classes of single cells, where somebody or something knows them."""

    def targets_for(self, cells: Int[Any, "height width"], image_id: str) -> Float[Any, "cell class"]:
        """Return the classes of the cells of a label map (numpy float32), NaN rows where they are not known."""


@runtime_checkable
class MaskTruth(Protocol):
    """Truth of cells that knows their masks too."""

    def row_of(self, image_id: str) -> TableRow | None:
        """Return the true masks and classes of an image as a table lists them, None where it has none."""


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

    def rotate_vectors(
        self, planes: Float[Any, "plane height width"], linear: Float[Any, "2 2"]
    ) -> Float[Any, "plane h w"]:
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

    Which task it serves stands in its file in conf/supervision (`_task_`). One that needs bags only later says by
    `bags_from` from which share of training on: until then cells of all images are shuffled, for one by one they are
    learned faster. What it remembers between steps are its buffers, what it learns its parameters; both are saved and
    resumed.
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
class SeesFields(Protocol):
    """A network of cells that sees whole images and pools its maps under each cell: it reads `CellBatch.fields`."""

    stride: int
    """Side of a place of its maps, in px of the image as it is shown."""


@runtime_checkable
class GivesMaps(Protocol):
    """A network of cells that can say what it sees where: `CellOutput.maps`."""

    gives_maps: bool
    """Whether it does; a strategy that reads maps asks for them when it is attached."""


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
class FieldAugmentation(Protocol):
    """Changes whole images of the training set with the places of their cells (`field_augment=`)."""

    def __call__(
        self, image: Float[Any, "channel side side"], coverage: Float[Any, "cell grid grid"], seed: int
    ) -> tuple[Float[Any, "channel side side"], Float[Any, "cell grid grid"]]:
        """Return both changed (numpy float32, as in `FieldBatch`); the same seed gives the same change."""


@runtime_checkable
class BatchAugmentation(Protocol):
    """Changes whole batches of the training set where the network is (`batch_augment=`).

    It draws from torch's generator of the CPU, which is seeded before every batch, so that devices draw alike.
    """

    def __call__(self, batch: CellBatch) -> CellBatch:
        """Return the changed batch; the one given stays as it is."""


@runtime_checkable
class Sampling(Protocol):
    """Says how often what is drawn for training (`sampling=`)."""

    def weights(
        self, image_targets: Float[Any, "image class"], cells: Int[Any, " image"], unit: Unit
    ) -> Float[Any, " image"]:
        """Return how often images are drawn against each other (numpy, > 0); with unit "cell", each of their cells.

        `cells` tells how many cells each image has.
        """


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


@runtime_checkable
class CellSink(Protocol):
    """Writes cells beside the submission, block by block, so that a killed run goes on (`also=`).

    `start`, `add` for each image of the block in the order of the table (images that failed are left out), `finish`;
    all in one thread. A block that was cut short is started again from nothing.
    """

    def start(self, block: Path) -> None:
        """Begin a block; what it holds goes to files or folders whose names begin with that of `block`."""

    def add(self, record: CellRecord) -> None:
        """Take the cells of one image; keep no reference to its pixels, so that memory stays bounded."""

    def finish(self) -> None:
        """Complete the files of the block; they must be whole on disk when this returns."""

    def join(self, blocks: Sequence[Path], out: Path) -> None:
        """Make the result of all blocks, named as `start` was told, in order; `out` is the submission beside it."""
