"""Members of an ensemble, combined image by image: networks, folds, views or channels that predict the same images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, Protocol, TypeVar, runtime_checkable

from jaxtyping import Bool, Float, Float64
from torch import Tensor

Probabilities = Float[Tensor, "member row class"]
"""What members predict of the same rows: cells, or pixels (of one class)."""
Rows = Float[Tensor, "row class"]
Weights = Float64[Tensor, "member weighted_class"]
"""One column for all classes, or one a class."""
Image = TypeVar("Image")
Prediction = TypeVar("Prediction")
Image_contra = TypeVar("Image_contra", contravariant=True)
Prediction_co = TypeVar("Prediction_co", covariant=True)


@runtime_checkable
class Join(Protocol):
    """Combines the members' probabilities (`ensemble=`): a mean, or what was fitted to held-out cells."""

    def __call__(self, probabilities: Probabilities) -> Rows:
        """Return the combined probabilities of cells or pixels."""

    def of_images(self, probabilities: Probabilities, members: Bool[Tensor, " any_member"]) -> Rows:
        """Return the combined probabilities of whole images, which only some members (in order) predict."""


@runtime_checkable
class ImagePredictor(Protocol[Image_contra, Prediction_co]):
    """A member: a network with its own preprocessing."""

    def predict(self, images: Sequence[Image_contra]) -> Sequence[Prediction_co]:
        """Return one prediction an image."""


class Ensemble(Generic[Image, Prediction]):
    """Predicts images with every member, one after the other, and combines the predictions of each image.

    Args:
        members: What predicts.
        combine: Makes one prediction of those of all members, in their order; of the workload.
    """

    def __init__(
        self,
        members: Sequence[ImagePredictor[Image, Prediction]],
        combine: Callable[[Sequence[Prediction]], Prediction],
    ) -> None:
        self._members = tuple(members)
        self._combine = combine

    def predict(self, images: Sequence[Image]) -> list[Prediction]:
        """Return one combined prediction an image.

        Raises:
            InputError: If the members' predictions do not fit each other.
        """
        predictions = [member.predict(images) for member in self._members]
        return [self._combine(of_image) for of_image in zip(*predictions, strict=True)]
