"""What came of a block: the report that makes it count as done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hpa.core.errors import Problem


@dataclass(frozen=True)
class BlockFile:
    """A file of a block: its name in the work folder, its size, and the SHA-256 of its content."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True)
class BlockReport:
    """What came of a block.

    Attributes:
        number: Of the block.
        image_ids: Its images, in order.
        object_count: Objects (cells) written.
        failed: Images that could not be used.
        skipped: Images that no time was left for.
        fallback: How the others were predicted.
        content: Digest of what identifies the image files, so that changed files are read again.
        files: Everything that was written for the block but the report.
    """

    number: int
    image_ids: tuple[str, ...]
    object_count: int
    failed: tuple[Problem, ...]
    skipped: tuple[str, ...]
    fallback: str
    content: str
    files: tuple[BlockFile, ...]

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> BlockReport:
        """Return the report of the values that `asdict` gave and JSON kept."""
        return cls(
            **{
                **values,
                "number": int(values["number"]),
                "object_count": int(values["object_count"]),
                "image_ids": tuple(map(str, values["image_ids"])),
                "failed": tuple(Problem(**problem) for problem in values["failed"]),
                "skipped": tuple(values["skipped"]),
                "files": tuple(BlockFile(**file) for file in values["files"]),
            }
        )
