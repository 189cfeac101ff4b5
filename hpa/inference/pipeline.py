"""From a list of images to a submission: every image gets its row, in the order of the list, whatever happens to it.

Reading, segmenting and encoding of the next images go on in threads while the network runs, a bounded number of pixels
ahead, so that memory grows neither with the data set nor with the images. The work is cut into blocks (`blocks`) that
are written whole into a folder beside the submission (`work_folder`): a run that was killed goes on there, and ends
with the bytes of an undisturbed one, whatever the timing of threads.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpa.core.errors import InputError, Problem
from hpa.core.image_table import ImageTable
from hpa.core.submission_table import TableRow
from hpa.inference.assembly import write_fallbacks, write_rows_of_blocks
from hpa.inference.block_work import BlockWork
from hpa.inference.blocks import Block, Cut, Shard
from hpa.inference.budget import Budget, Fallback, Timekeeper
from hpa.inference.digests import digest_of_images
from hpa.inference.part_file import is_part, read_part, write_part
from hpa.inference.stages import Pending, Stages
from hpa.inference.work_folder import BlockReport, WorkFolder, opened
from hpa.interfaces import CellSink

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Output:
    """Where a run writes, and what decides what it writes.

    Attributes:
        path: The submission, or the part of it where a shard is given; an older one is replaced at the end.
        shard: Which part, None for all.
        settings: What decides the bytes beside the images and the way they are cut, plain values (`fingerprint`).
        sinks: What else is written.
    """

    path: Path
    shard: Shard | None
    settings: Mapping[str, Any]
    sinks: Sequence[CellSink] = ()


@dataclass(frozen=True)
class PipelineResult:
    """What a run did.

    Attributes:
        reports: What came of each block, in order.
        kept: Blocks that an earlier run had finished.
        seconds: Wall-clock seconds of each stage, summed over threads, and `total` of the run.
    """

    reports: tuple[BlockReport, ...]
    kept: int
    seconds: dict[str, float]

    @property
    def image_count(self) -> int:
        """Count the rows written."""
        return sum(len(report.image_ids) for report in self.reports)

    @property
    def cell_count(self) -> int:
        """Count the cells written."""
        return sum(report.cell_count for report in self.reports)

    @property
    def failed(self) -> tuple[Problem, ...]:
        """List one problem for each image whose row is blank because it could not be used, in order."""
        return tuple(problem for report in self.reports for problem in report.failed)

    @property
    def skipped_count(self) -> int:
        """Count the images whose row is blank because no time was left."""
        return sum(len(report.skipped) for report in self.reports)

    @property
    def all_failed(self) -> bool:
        """Tell whether no image could be used."""
        return 0 < len(self.failed) == self.image_count


@dataclass(frozen=True)
class Pipeline:
    """A run from images to rows.

    Attributes:
        stages: What happens to an image.
        fallbacks: How fields are predicted: the first as configured, the others cheaper, for when time runs out.
        cut: Sizes of blocks and of the groups that share batches.
        workers: Threads that read, segment and encode.
        budget: The time there is.
        started_s: When the command began, in monotonic seconds.
    """

    stages: Stages
    fallbacks: Sequence[Fallback]
    cut: Cut
    workers: int
    budget: Budget
    started_s: float

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise InputError(f"workers must be at least 1; came {self.workers}.")

    def write(self, table: ImageTable, output: Output, on_progress: Callable[[int, int], None]) -> PipelineResult:
        """Write the submission of a table's images, or one shard's part of it, whole or not at all.

        An image that cannot be used keeps a blank row with its size from the table; so does one without cells, which is
        no failure, and one that no time was left for. If there is such a one the work folder stays, and the same
        command goes on with it.

        Args:
            table: Which images, in the order of the rows.
            output: Where to.
            on_progress: Is told how many images are done, and of how many.

        Raises:
            InputError: If there is no image, the segmenter needs a channel that the source lacks, another run writes
                the same output or began it with other settings, or a file cannot be written, e.g. as the disk is full.
        """
        self._check(table, output)
        images = _listed(table)
        manifest = {
            **output.settings,
            "images": digest_of_images(table),
            "block_images": self.cut.block_images,
            "fields_at_once": self.cut.fields_at_once,
            "megapixels_at_once": self.cut.megapixels_at_once,
        }
        try:
            with opened(output.path, {"shard": str(output.shard or "all"), **manifest}) as work:
                return self._write(images, output, manifest, work, on_progress)
        except InputError:
            raise
        except OSError as error:
            raise InputError(
                f"{output.path}: the submission cannot be written ({error}); name another place with out=FILE."
            ) from error

    def _write(
        self,
        images: Sequence[Pending],
        output: Output,
        manifest: Mapping[str, Any],
        work: WorkFolder,
        on_progress: Callable[[int, int], None],
    ) -> PipelineResult:
        """Write what is not written yet, and put all together."""
        stopwatch = self.stages.stopwatch
        with stopwatch.stage("total"):
            blocks = self.cut.blocks(len(images), output.shard)
            blocks_work = BlockWork(self.stages, self.cut, self.workers, work, output.sinks)
            left = blocks_work.unfinished(images, blocks)
            _tell_kept(work, [block for block in blocks if block not in left])
            progress = _Progress(sum(map(len, blocks)), sum(map(len, left)), on_progress)
            keeper = Timekeeper(self.budget, self.fallbacks, progress.left, stopwatch.seconds, self.started_s)
            blocks_work.run(images, left, keeper, progress.step)
            reports = tuple(report for block in blocks if (report := work.report(block.number)) is not None)
            _put_together(output, manifest, work, reports, len(self.cut.blocks(len(images), None)))
        return PipelineResult(reports, len(blocks) - len(left), stopwatch.seconds())

    def _check(self, table: ImageTable, output: Output) -> None:
        """Raise InputError for what would fail with every image, or spoil another shard's part."""
        source, segmenter = self.stages.source, self.stages.segmenter
        if len(table) == 0:
            raise InputError(f"{table.where}: there is no image to predict; check data.root and split.")
        missing = [channel for channel in segmenter.channels if channel not in source.channels]
        if missing:
            raise InputError(
                f"the segmenter needs {', '.join(missing)}, but data.channels are {', '.join(source.channels)}; add "
                "what is missing or choose another segmenter."
            )
        if is_part(output.path) and read_part(output.path).shard != output.shard:
            raise InputError(
                f"{output.path}: holds part {read_part(output.path).shard} already; give every shard its own out=FILE."
            )


@dataclass
class _Progress:
    """Counts rows, those of earlier runs too."""

    total: int
    left: int
    tell: Callable[[int, int], None]

    def __post_init__(self) -> None:
        if self.left < self.total:
            self.tell(self.total - self.left, self.total)

    def step(self) -> None:
        """Count one more."""
        self.left -= 1
        self.tell(self.total - self.left, self.total)


def _tell_kept(work: WorkFolder, blocks: Sequence[Block]) -> None:
    """Say what an earlier run has done, and which images failed there."""
    reports = [report for block in blocks if (report := work.report(block.number)) is not None]
    if reports:
        _logger.info("%d images were done before; going on", sum(len(report.image_ids) for report in reports))
    for problem in (problem for report in reports for problem in report.failed):
        _logger.warning("%s", problem)


def _put_together(
    output: Output,
    manifest: Mapping[str, Any],
    work: WorkFolder,
    reports: Sequence[BlockReport],
    block_count: int,
) -> None:
    """Write everything that stands beside the submission, then the submission; clean up where nothing is left to do."""
    for sink in output.sinks:
        sink.join([work.block_path(report.number) for report in reports], output.path)
    write_fallbacks(output.path, reports)
    joined = work.path / "joined"  # renamed at the end, so that a kill leaves nothing beside the work folder
    if output.shard is None:
        write_rows_of_blocks(joined, (work.rows_file(report.number).open("rb") for report in reports))
    else:
        write_part(joined, output.shard, manifest, block_count, work, reports)
    joined.replace(output.path)
    if not any(report.skipped for report in reports):
        work.remove()


def _listed(table: ImageTable) -> list[Pending]:
    """Return the images of a table, with all problems of an image in one reason; log problems of no image."""
    reasons: dict[str, list[str]] = {image_id: [] for image_id in table.image_ids}
    for problem in table.problems:
        if problem.subject in reasons:
            reasons[problem.subject].append(problem.reason)
        else:
            _logger.warning("%s: %s", table.where, problem)
    sizes = zip(table.image_ids, table.frame["width"], table.frame["height"], strict=True)
    return [
        Pending(TableRow(image_id, int(width), int(height), ""), "; ".join(reasons[image_id]) or None)
        for image_id, width, height in sizes
    ]
