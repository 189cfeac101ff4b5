"""How a run is divided: into blocks of images, blocks dealt to shards, and groups of images that share batches.

A block is the unit of resuming and of shards. Blocks and groups follow from the list of images and the settings alone,
and no batch crosses their borders, so the bytes of a submission do not depend on where a run was killed or shared out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from hpa.core.errors import InputError
from hpa.inference.steps import Pending

Image = TypeVar("Image")
_PIXELS = 1_000_000  # in a megapixel


MAX_SHARDS = 1_000_000
"""Whoever merges them looks for each."""


@dataclass(frozen=True)
class Shard:
    """One part of a run that is divided among machines, `number` of 1 to `count`."""

    number: int
    count: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Return the shard of a text such as "2/4".

        >>> Shard.parse("2/4")
        Shard(number=2, count=4)

        Raises:
            InputError: If it is none.
        """
        found = re.fullmatch(r"(\d+)/(\d+)", text, re.ASCII)
        numbers = [int(number) for number in found.groups() if len(number) < 10] if found else []
        shard = cls(*numbers) if len(numbers) == 2 else cls(0, 0)
        if not 1 <= shard.number <= shard.count <= MAX_SHARDS:
            raise InputError(
                f"shard={text[:40]}: write the part and the number of parts, e.g. shard=1/4 up to shard=4/4; at most "
                f"{MAX_SHARDS:,} parts."
            )
        return shard

    def __str__(self) -> str:
        """Read as on the command line."""
        return f"{self.number}/{self.count}"


@dataclass(frozen=True)
class Block:
    """Images `start` to `stop` (left out) of the list; blocks are numbered from 0."""

    number: int
    start: int
    stop: int

    def __len__(self) -> int:
        """Count the images."""
        return self.stop - self.start

    def of(self, images: Sequence[Image]) -> Sequence[Image]:
        """Return its images out of the list."""
        return images[self.start : self.stop]


@dataclass(frozen=True)
class BlockSizes:
    """The sizes that decide which images share a block and a batch.

    Attributes:
        block_images: Images in a block.
        fields_at_once: Images that share batches, at most.
        megapixels_at_once: Their pixels in all, at most; a larger image goes alone.

    Raises:
        InputError: If a size is not positive.
    """

    block_images: int
    fields_at_once: int
    megapixels_at_once: float | int

    def __post_init__(self) -> None:
        if self.block_images < 1 or self.fields_at_once < 1 or self.megapixels_at_once <= 0:
            raise InputError(
                "block_images and fields_at_once must be at least 1, megapixels_at_once above 0; came "
                f"{self.block_images}, {self.fields_at_once} and {self.megapixels_at_once}."
            )

    def blocks(self, image_count: int, shard: Shard | None) -> list[Block]:
        """Return the blocks of a list of images, those of one shard where it is given.

        Blocks are dealt like cards, so that the shards differ by one block at most.
        """
        starts = range(0, image_count, self.block_images)
        blocks = [
            Block(number, start, min(start + self.block_images, image_count)) for number, start in enumerate(starts)
        ]
        return blocks if shard is None else blocks[shard.number - 1 :: shard.count]

    def groups(self, images: Sequence[Pending]) -> Iterator[int]:
        """Yield the sizes of the groups into which the images of a block fall, in order."""
        count, pixels = 0, 0
        for image in images:
            own = image.width * image.height
            if count and (count == self.fields_at_once or pixels + own > self.megapixels_at_once * _PIXELS):
                yield count
                count, pixels = 0, 0
            count, pixels = count + 1, pixels + own
        if count:
            yield count

    def share_of_group(self, image: Pending) -> float:
        """Return how much of a group an image fills: 1 of one that goes alone."""
        return max(1 / self.fields_at_once, image.width * image.height / (self.megapixels_at_once * _PIXELS))
