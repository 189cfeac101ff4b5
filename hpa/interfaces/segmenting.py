"""What finds cells, and what some that find them can tell beside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from hpa.core.field import Field, Segmentation
from hpa.interfaces.batches import Instances


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
class NamesCells(Protocol):
    """A segmenter that also says of what class each cell is, as a detector does."""

    class_names: tuple[str, ...]
    """Classes it tells apart; none where it finds cells only."""

    def instances(self, field: Field) -> Instances:
        """Return the cells of a field with their classes and scores."""


@runtime_checkable
class FileSegmenter(Protocol):
    """A segmenter whose result depends on a file of its own for each image: the file belongs to the cache key too."""

    def fingerprint_of(self, image_id: str) -> dict[str, Any]:
        """What decides the result of this image beside `fingerprint`; InputError where the file is missing."""
