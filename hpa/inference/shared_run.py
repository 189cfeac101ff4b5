"""A run that any number of processes share (`workers=join`): the bytes are those of one process.

Each does one block after the other while there are undone ones, and waits for those that others do; then one of them
reads all blocks, has damaged ones done again, and puts the submission together.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from hpa.core.errors import InputError
from hpa.core.file_lock import LockHeldError
from hpa.core.image_table import ImageTable
from hpa.inference.blocks import Block
from hpa.inference.budget import Timekeeper
from hpa.inference.output import Output, RunPlan, RunResult, put_together
from hpa.inference.pipeline import PASSES, Pipeline, being_replaced
from hpa.inference.shared_folder import SharedFolder, opened_shared
from hpa.inference.work_folder import WorkFolder

MIN_WAIT_S, MAX_WAIT_S = 0.1, 15.0
MIN_PATIENCE_S, PATIENCE_BLOCKS = 60.0, 3
"""A block that others are slow with is done a second time after so long: this many times the longest of one's own."""
_logger = logging.getLogger(__name__)


def write_shared(
    pipeline: Pipeline,
    table: ImageTable,
    output: Output,
    on_progress: Callable[[int, int], None],
    check: Callable[[], None],
) -> RunResult:
    """Take part in writing the submission of a table's images; return when it is complete, whoever completed it.

    Args:
        pipeline: How images become rows.
        table: Which images, in the order of the rows.
        output: Where to.
        on_progress: Is called with how many images are done, and of how many.
        check: Is called before this process takes part, unless the submission is complete: raises if it must not.

    Raises:
        InputError: As `Pipeline.write`; or if there is a budget of time: who comes late would decide the bytes.
    """
    if pipeline.budget.hours is not None:
        raise InputError(
            "workers=join cannot keep to budget_hours: other processes do the rest; remove one of the two."
        )
    plan = pipeline.plan(table, output)
    try:
        with opened_shared(output, plan.folder_manifest, check) as folder, pipeline.stopwatch.stage("total"):
            result = _Worker(pipeline, plan, folder, on_progress).run()
    except InputError:
        raise
    except OSError as error:
        raise InputError(
            f"{output.path}: the submission cannot be written ({error}); name another place with out=FILE."
        ) from error
    return replace(result, seconds=pipeline.stopwatch.seconds())


@dataclass
class _Worker:
    """One of the processes of a run."""

    pipeline: Pipeline
    plan: RunPlan
    folder: SharedFolder
    on_progress: Callable[[int, int], None]
    own: set[int] = field(default_factory=set)
    images_done: int = 0
    damaged: int = 0
    longest_s: float = 0.0

    def run(self) -> RunResult:
        """Work until the submission is complete."""
        for _ in range(PASSES):
            self._do_blocks()
            if (result := self._finished()) is not None:
                total = sum(map(len, self.plan.blocks))
                self.on_progress(total, total)
                return result
        raise being_replaced(self.plan.output.path, self.damaged)

    def _do_blocks(self) -> None:
        """Do blocks until each has a report, or the run is finished."""
        blocks = {block.number: block for block in self.plan.blocks}
        total = sum(map(len, self.plan.blocks))
        idle_since = time.monotonic()
        wait_s = MIN_WAIT_S
        while undone := self._undone(list(blocks)):
            self.images_done = total - sum(len(blocks[number]) for number in undone)
            is_slow = time.monotonic() - idle_since > max(MIN_PATIENCE_S, PATIENCE_BLOCKS * self.longest_s)
            with self.folder.leased(undone, may_double=is_slow) as lease:
                if lease is not None:
                    self._do(blocks[lease[0]], lease[1])
                    idle_since, wait_s = time.monotonic(), MIN_WAIT_S
                    continue
            time.sleep(wait_s)
            wait_s = min(1.5 * wait_s, MAX_WAIT_S)

    def _undone(self, numbers: list[int]) -> list[int]:
        """Return the blocks without a report; none once the run is finished, which removes the reports."""
        try:
            undone = self.folder.undone(numbers)
        except FileNotFoundError:  # the folder is gone
            return []
        return undone if undone and self.folder.result() is None else []

    def _do(self, block: Block, work: WorkFolder) -> None:
        """Write one block, unless another process has just done so."""
        if self.folder.has_report(block.number):
            return
        begun = time.monotonic()
        pipeline = self.pipeline
        seconds = pipeline.stopwatch.seconds
        keeper = Timekeeper(pipeline.budget, pipeline.fallbacks, len(block), seconds, pipeline.started_s)
        try:
            self.folder.require_same()
            pipeline.runner(work, self.plan.output).run(self.plan.images, [block], keeper, self._step)
        except (InputError, OSError) as error:
            # others did the block, or all the rest: this process was slow, or slept and was taken for dead
            if not isinstance(error, LockHeldError) and self.folder.result() is None:
                raise
            _logger.warning("block %d: %s", block.number, error)
            return
        self.own.add(block.number)
        self.longest_s = max(self.longest_s, time.monotonic() - begun)

    def _step(self) -> None:
        self.images_done += 1
        self.on_progress(self.images_done, sum(map(len, self.plan.blocks)))

    def _finished(self) -> RunResult | None:
        """Put the submission together unless another process did; return None where blocks must be done again."""
        with self.folder.turn() as work:
            if (result := self.folder.result()) is not None:
                return result
            self.folder.require_same()
            runner = self.pipeline.runner(work, self.plan.output)
            done = runner.done(self.plan.images, self.plan.blocks)
            missing = [block.number for block in self.plan.blocks if block.number not in done]
            for number in missing:
                work.begin(number)
            if missing:
                self.damaged = len(missing)
                return None
            reports = [done[block.number] for block in self.plan.blocks]
            put_together(self.plan, work, reports)
            result = RunResult.of(reports, len(reports) - len(self.own), {})
            self.folder.finish(work, result, len(reports))
            return result
