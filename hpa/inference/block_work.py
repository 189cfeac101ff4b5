"""The work on blocks: threads prepare images ahead, a predictor takes them in groups, rows are written as they come."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from hpa.core.digest import digest_of_values
from hpa.core.errors import InputError
from hpa.core.submission_table import TableRow
from hpa.inference.block_tally import BlockTally
from hpa.inference.blocks import Block, Cut
from hpa.inference.budget import Timekeeper
from hpa.inference.lookahead import map_ahead
from hpa.inference.stages import Failed, Pending, Predicted, Prepared, Skipped, Stages
from hpa.inference.work_folder import BlockReport, WorkFolder
from hpa.interfaces import CellSink, FieldPredictor, FileSegmenter

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BlockWork:
    """Works on the blocks of one command.

    Attributes:
        stages: What happens to an image.
        cut: Sizes of the groups that share batches.
        workers: Threads that read, segment and encode.
        work: Where blocks are written.
        sinks: What else is written.
    """

    stages: Stages
    cut: Cut
    workers: int
    work: WorkFolder
    sinks: Sequence[CellSink]

    def unfinished(self, images: Sequence[Pending], blocks: Sequence[Block]) -> list[Block]:
        """Return the blocks that are not written yet, or whose image files were changed since."""
        return [block for block in blocks if not _is_done(self.work.report(block.number), self._content(images, block))]

    def run(
        self,
        images: Sequence[Pending],
        blocks: Sequence[Block],
        keeper: Timekeeper,
        on_row: Callable[[], None],
    ) -> None:
        """Write blocks.

        Args:
            images: All images of the run.
            blocks: Those to be written.
            keeper: Decides on fallbacks, and whether there is time.
            on_row: Is called after each image.
        """
        executor = ThreadPoolExecutor(self.workers)
        try:
            ahead = self._prepared(executor, (image for block in blocks for image in block.of(images)))
            for block in blocks:
                self._write(block, images, executor, ahead, keeper, on_row)
        finally:
            executor.shutdown(cancel_futures=True)  # after Ctrl-C nothing that still waits is begun

    def _write(
        self,
        block: Block,
        images: Sequence[Pending],
        executor: Executor,
        ahead: Iterator[Prepared | Failed],
        keeper: Timekeeper,
        on_row: Callable[[], None],
    ) -> None:
        """Write one block; its report last, which makes it count."""
        fallback = keeper.fallback()
        tally = BlockTally(block.number, fallback.name, self._content(images, block), self.sinks)
        predicted = self._predicted(block.of(images), ahead, fallback.predictor, keeper)
        finished = map_ahead(executor, self.stages.finish, predicted, self.workers)
        for sink in self.sinks:
            sink.start(self.work.block_path(block.number))
        size_bytes = self.work.write_rows(block.number, _told(tally.rows(finished), on_row))
        for sink in self.sinks:
            sink.finish()
        self.work.write_report(tally.report(size_bytes))

    def _prepared(self, executor: Executor, images: Iterable[Pending]) -> Iterator[Prepared | Failed]:
        """Yield images with their cells; at most one group's pixels wait, but an image for each thread at least."""
        return map_ahead(
            executor, self.stages.prepare, images, self.workers, lambda image: self.cut.share_of_group(image.row), 1.0
        )

    def _predicted(
        self,
        images: Sequence[Pending],
        ahead: Iterator[Prepared | Failed],
        predictor: FieldPredictor,
        keeper: Timekeeper,
    ) -> Iterator[Predicted | Failed | Skipped]:
        """Yield a block's images after the network; those that no time is left for as they are."""
        waiting = iter(images)
        for count in self.cut.groups([image.row for image in images]):
            group = list(islice(waiting, count))
            if keeper.may_start(count):
                yield from self.stages.predict(list(islice(ahead, count)), predictor)
                keeper.done(count)
            else:
                yield from (Skipped(image.row) for image in group)

    def _content(self, images: Sequence[Pending], block: Block) -> str:
        """Return a digest of what tells the files of a block's images apart from others, and of what is wrong there."""
        identities = [[self._identity(image.row.image_id), image.reason] for image in block.of(images)]
        return digest_of_values(identities)

    def _identity(self, image_id: str) -> str:
        segmenter = self.stages.segmenter
        try:
            own = segmenter.fingerprint_of(image_id) if isinstance(segmenter, FileSegmenter) else ""
            return f"{self.stages.source.identity(image_id, self.stages.split)} {own}"
        except InputError as error:
            return str(error)


def _is_done(report: BlockReport | None, content: str) -> bool:
    return report is not None and not report.skipped and report.content == content


def _told(rows: Iterable[TableRow], on_row: Callable[[], None]) -> Iterator[TableRow]:
    """Yield the rows, and tell after each."""
    for row in rows:
        yield row
        on_row()
