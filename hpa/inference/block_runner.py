"""Runs blocks: threads prepare images ahead, a predictor takes them in groups, rows are written as they come."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from hpa.core.digest import digest_of_values
from hpa.core.errors import InputError, Problem
from hpa.inference.block_report import BlockReport
from hpa.inference.blocks import Block, BlockSizes
from hpa.inference.budget import Timekeeper
from hpa.inference.lookahead import map_ahead
from hpa.inference.steps import Failed, GuardedSteps, InWork, Pending, Row, Skipped, Written
from hpa.inference.work_folder import WorkFolder
from hpa.interfaces import CellSink

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BlockRunner:
    """Works on the blocks of one command.

    Attributes:
        steps: What happens to an image.
        sizes: Sizes of the groups that share batches.
        workers: Threads that prepare and finish images.
        work: Where blocks are written.
        sinks: What else is written.
    """

    steps: GuardedSteps
    sizes: BlockSizes
    workers: int
    work: WorkFolder
    sinks: Sequence[CellSink]

    def done(self, images: Sequence[Pending], blocks: Sequence[Block]) -> dict[int, BlockReport]:
        """Return the reports of the blocks that are written whole and whose image files were not changed since."""
        reports = {block: self.work.report(block.number) for block in blocks}
        return {
            block.number: report
            for block, report in reports.items()
            if report is not None and report.content == self._content(images, block)
        }

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
        ahead: Iterator[InWork | Failed],
        keeper: Timekeeper,
        on_row: Callable[[], None],
    ) -> None:
        """Write one block; its report last, which makes it count."""
        fallback = keeper.fallback()
        content = self._content(images, block)  # before its images are read: one replaced meanwhile is noticed
        tally = _Tally(self.steps, self.sinks, on_row)
        predicted = self._predicted(block.of(images), ahead, fallback.predictor, keeper)
        finished = map_ahead(executor, self.steps.finish, predicted, self.workers)
        self.work.begin(block.number)
        for sink in self.sinks:
            sink.start(self.work.block_path(block.number))
        self.work.write_rows(block.number, tally.rows(finished))
        for sink in self.sinks:
            sink.finish()
        self.work.publish(block.number)
        self.work.write_report(
            BlockReport(
                number=block.number,
                image_ids=tuple(image.image_id for image in block.of(images)),
                object_count=tally.object_count,
                failed=tuple(tally.failed),
                skipped=tuple(tally.skipped),
                fallback=fallback.name,
                content=content,
                files=self.work.files_of(block.number),
            )
        )

    def _prepared(self, executor: Executor, images: Iterable[Pending]) -> Iterator[InWork | Failed]:
        """Yield images read ahead; at most one group's pixels wait, but an image for each thread at least."""
        return map_ahead(executor, self.steps.prepare, images, self.workers, self.sizes.share_of_group, 1.0)

    def _predicted(
        self, images: Sequence[Pending], ahead: Iterator[InWork | Failed], predictor: Any, keeper: Timekeeper
    ) -> Iterator[InWork | Failed | Skipped]:
        """Yield a block's images after the network; those that no time is left for as they are."""
        waiting = iter(images)
        for count in self.sizes.groups(images):
            group = list(islice(waiting, count))
            if keeper.may_start(count):
                yield from self.steps.predict(list(islice(ahead, count)), predictor)
                keeper.done(count)
            else:
                yield from map(Skipped, group)

    def _content(self, images: Sequence[Pending], block: Block) -> str:
        """Return a digest of what identifies the files of a block's images, and of what is wrong there."""
        return digest_of_values([[self._identity(image.image_id), image.reason] for image in block.of(images)])

    def _identity(self, image_id: str) -> str:
        try:
            return self.steps.steps.identity(image_id)
        except InputError as error:
            return str(error)


@dataclass
class _Tally:
    """Counts the images of a block as they pass."""

    steps: GuardedSteps
    sinks: Sequence[CellSink]
    on_row: Callable[[], None]
    object_count: int = 0
    failed: list[Problem] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def rows(self, images: Iterable[Written | Failed | Skipped]) -> Iterator[Row]:
        """Yield the rows of images, handing each to the sinks and logging what is wrong with it."""
        for image in images:
            match image:
                case Written():
                    self.object_count += image.object_count
                    for sink in self.sinks:
                        sink.add(image.record)
                case Failed():
                    # what the user gave wrong needs no traceback, anything else does
                    unexpected = None if isinstance(image.error, InputError) else image.error
                    _logger.warning("%s", image.problem, exc_info=unexpected)
                    self.failed.append(image.problem)
                case Skipped():
                    self.skipped.append(image.image.image_id)
            yield self.steps.row(image)
            self.on_row()
