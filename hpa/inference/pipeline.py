"""From a list of images to a submission: every image gets its row, in the order of the list, whatever happens to it.

It is the same for every workload: what happens to an image are its `steps`. The next images are prepared in threads
while the network runs, a bounded number of pixels ahead, so that memory grows neither with the data set nor with the
images. The work is divided into blocks (`blocks`) that are written whole into a folder beside the submission
(`work_folder`): a run that was killed goes on there, and ends with the bytes of an undisturbed one, whatever the timing
of threads.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpa.core.errors import InputError
from hpa.core.file_names import require_distinct
from hpa.core.image_table import ImageTable
from hpa.inference.block_report import BlockReport
from hpa.inference.block_runner import BlockRunner
from hpa.inference.blocks import Block, BlockSizes
from hpa.inference.budget import Budget, Fallback, Timekeeper
from hpa.inference.output import Output, RunPlan, RunResult, put_together
from hpa.inference.settings import digest_of_images
from hpa.inference.shards import is_part, read_part
from hpa.inference.steps import GuardedSteps, Pending, Steps
from hpa.inference.stopwatch import Stopwatch
from hpa.inference.work_claim import opened
from hpa.inference.work_folder import WorkFolder

PASSES = 3
"""How often blocks are done again whose images were changed while the run went on."""
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pipeline:
    """A run from images to rows.

    Attributes:
        steps: What happens to an image.
        stopwatch: Takes the time of each stage; the steps' own.
        fallbacks: How images are predicted: the first as configured, the others cheaper, for when time runs out.
        sizes: Of blocks and of the groups that share batches.
        workers: Threads that prepare and finish images.
        budget: The time there is.
        started_s: When the command began, in monotonic seconds.
    """

    steps: Steps[Any, Any, Any, Any]
    stopwatch: Stopwatch
    fallbacks: Sequence[Fallback]
    sizes: BlockSizes
    workers: int
    budget: Budget
    started_s: float

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise InputError(f"workers must be at least 1; came {self.workers}.")

    def write(self, table: ImageTable, output: Output, on_progress: Callable[[int, int], None]) -> RunResult:
        """Write the submission of a table's images, or one shard's part of it, whole or not at all.

        An image that cannot be used keeps a blank row; so does one without objects, which is no failure, and one that
        no time was left for. If there is such a one the work folder stays, and the same command goes on with it.

        Args:
            table: Which images, in the order of the rows.
            output: Where to.
            on_progress: Is called with how many images are done, and of how many.

        Raises:
            InputError: If there is no image, the steps cannot use the table, another run writes the same output or
                began it with other settings, or a file cannot be written, e.g. as the disk is full.
        """
        plan = self.plan(table, output)
        try:
            with opened(output.path, plan.folder_manifest) as work:
                return self._write(plan, work, on_progress)
        except InputError:
            raise
        except OSError as error:
            raise InputError(
                f"{output.path}: the submission cannot be written ({error}); name another place with out=FILE."
            ) from error

    def plan(self, table: ImageTable, output: Output) -> RunPlan:
        """Return what is to be done for a table's images.

        Raises:
            InputError: If there is no image, the steps cannot use the table, or another shard's part lies at the place.
        """
        self._check(table, output)
        images = _pending(table)
        manifest = {
            **output.settings,
            "images": digest_of_images(table),
            "block_images": self.sizes.block_images,
            "fields_at_once": self.sizes.fields_at_once,
            "megapixels_at_once": self.sizes.megapixels_at_once,
        }
        blocks = self.sizes.blocks(len(images), output.shard)
        block_count = len(self.sizes.blocks(len(images), None))
        return RunPlan(images, blocks, block_count, manifest, output, self.steps.columns)

    def runner(self, work: WorkFolder, output: Output) -> BlockRunner:
        """Return what writes blocks into a folder."""
        return BlockRunner(GuardedSteps(self.steps, self.stopwatch), self.sizes, self.workers, work, output.sinks)

    def _write(self, plan: RunPlan, work: WorkFolder, on_progress: Callable[[int, int], None]) -> RunResult:
        """Write what is not written yet, and put all together."""
        with self.stopwatch.stage("total"):
            images, blocks = plan.images, plan.blocks
            runner = self.runner(work, plan.output)
            kept = {number: report for number, report in runner.done(images, blocks).items() if not report.skipped}
            _announce(kept.values())
            left = [block for block in blocks if block.number not in kept]
            done = kept
            for _ in range(PASSES):
                self._run(runner, images, blocks, left, on_progress)
                done = runner.done(images, blocks)
                left = [block for block in blocks if block.number not in done]
                if not left:
                    break
            else:
                raise being_replaced(plan.output.path, len(left))
            reports = tuple(done[block.number] for block in blocks)
            put_together(plan, work, reports)
        result = RunResult.of(reports, len(kept), self.stopwatch.seconds())
        if not result.skipped_count:
            work.remove()
        return result

    def _run(
        self,
        runner: BlockRunner,
        images: Sequence[Pending],
        blocks: Sequence[Block],
        left: Sequence[Block],
        on_progress: Callable[[int, int], None],
    ) -> None:
        """Do the blocks that are left."""
        progress = _Progress(sum(map(len, blocks)), sum(map(len, left)), on_progress)
        keeper = Timekeeper(self.budget, self.fallbacks, progress.left, self.stopwatch.seconds, self.started_s)
        runner.run(images, left, keeper, progress.step)

    def _check(self, table: ImageTable, output: Output) -> None:
        """Raise InputError for what would fail with every image, or spoil another shard's part."""
        if len(table) == 0:
            raise InputError(f"{table.where}: there is no image to predict; check data.root and split.")
        self.steps.require_usable(table)
        if output.sinks:  # those that write a file an image
            require_distinct(table.image_ids)
        if is_part(output.path) and read_part(output.path).shard != output.shard:
            raise InputError(
                f"{output.path}: holds part {read_part(output.path).shard} already; give every shard its own out=FILE."
            )


@dataclass
class _Progress:
    """Counts rows, those of earlier runs too."""

    total: int
    left: int
    show: Callable[[int, int], None]

    def __post_init__(self) -> None:
        if self.left < self.total:
            self.show(self.total - self.left, self.total)

    def step(self) -> None:
        """Count one more."""
        self.left -= 1
        self.show(self.total - self.left, self.total)


def being_replaced(out: Path, blocks: int) -> InputError:
    """Return the error of a run whose images do not come to rest."""
    return InputError(
        f"{out}: images of {blocks} blocks are being replaced while they are predicted; wait until their files are "
        "complete and run the same command again, which keeps the other blocks."
    )


def _announce(kept: Iterable[BlockReport]) -> None:
    """Log what an earlier run has done, and which images failed there."""
    reports = list(kept)
    if reports:
        _logger.info("%d images were done before; going on", sum(len(report.image_ids) for report in reports))
    for problem in (problem for report in reports for problem in report.failed):
        _logger.warning("%s", problem)


def _pending(table: ImageTable) -> list[Pending]:
    """Return the images of a table, with all problems of an image in one reason; log problems of no image."""
    reasons: dict[str, list[str]] = {image_id: [] for image_id in table.image_ids}
    for problem in table.problems:
        if problem.subject in reasons:
            reasons[problem.subject].append(problem.reason)
        else:
            _logger.warning("%s: %s", table.where, problem)
    sizes = zip(table.image_ids, table.frame["width"], table.frame["height"], strict=True)
    return [
        Pending(image_id, int(width), int(height), "; ".join(reasons[image_id]) or None)
        for image_id, width, height in sizes
    ]
