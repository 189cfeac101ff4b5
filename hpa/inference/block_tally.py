"""What came of a block, noted while its rows are written."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from hpa.core.errors import InputError, Problem
from hpa.core.submission_table import TableRow
from hpa.inference.stages import Failed, Finished, Skipped
from hpa.inference.work_folder import BlockReport
from hpa.interfaces import CellSink

_logger = logging.getLogger(__name__)


@dataclass
class BlockTally:
    """Counts the images of a block as they pass.

    Attributes:
        number: Of the block.
        fallback: How its images are predicted.
        content: Digest of what tells its image files apart from others.
        sinks: Are told of every image with its cells.
    """

    number: int
    fallback: str
    content: str
    sinks: Sequence[CellSink]
    image_ids: list[str] = field(default_factory=list)
    cell_count: int = 0
    failed: list[Problem] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def rows(self, images: Iterable[Finished | Failed | Skipped]) -> Iterator[TableRow]:
        """Yield the rows of images, noting what came of each and logging what is wrong with it."""
        for image in images:
            self.image_ids.append(image.row.image_id)
            match image:
                case Finished():
                    self.cell_count += len(image.record.confidences)
                    for sink in self.sinks:
                        sink.add(image.record)
                case Failed():
                    # what the user gave wrong needs no traceback, anything else does
                    unexpected = None if isinstance(image.error, InputError) else image.error
                    _logger.warning("%s", image.problem, exc_info=unexpected)
                    self.failed.append(image.problem)
                case Skipped():
                    self.skipped.append(image.row.image_id)
            yield image.row

    def report(self, size_bytes: int) -> BlockReport:
        """Return what was noted; `size_bytes` is that of the file of rows."""
        return BlockReport(
            self.number,
            tuple(self.image_ids),
            self.cell_count,
            tuple(self.failed),
            tuple(self.skipped),
            self.fallback,
            self.content,
            size_bytes,
        )
