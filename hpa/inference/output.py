"""Where a run writes, what came of it, and how its blocks become the submission and the files beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpa.core.errors import Problem
from hpa.core.outputs import guarded_outputs, list_output
from hpa.inference.block_report import BlockReport
from hpa.inference.blocks import Block, Shard
from hpa.inference.exports.beside import place_beside
from hpa.inference.shards import write_part
from hpa.inference.steps import Pending
from hpa.inference.submission_file import fallbacks_path, write_fallbacks, write_submission
from hpa.inference.work_folder import WHOLE, WorkFolder
from hpa.interfaces import CellSink

COMMAND = "infer"
"""Name of the command in the list of its outputs."""


@dataclass(frozen=True)
class Output:
    """Where a run writes, and what decides what it writes.

    Attributes:
        path: The submission, or the part of it where a shard is given; an older one is replaced at the end.
        shard: Which part, None for all.
        settings: What decides the bytes beside the images and the way they are divided, plain values.
        sinks: What else is written.
    """

    path: Path
    shard: Shard | None
    settings: Mapping[str, Any]
    sinks: Sequence[CellSink] = ()

    def files(self) -> list[Path]:
        """Return all files and folders that a run may write or replace, the submission first."""
        sinks = [place_beside(self.path, sink.suffix) for sink in self.sinks]
        return [self.path, fallbacks_path(self.path), *sinks]


@dataclass(frozen=True)
class RunResult:
    """What a run did.

    Attributes:
        image_count: Rows written.
        object_count: Objects (cells) written.
        failed: One problem for each image whose row is blank because it could not be used, in order.
        skipped_count: Images whose row is blank because no time was left.
        kept: Blocks that an earlier run, or another process, had finished.
        seconds: Wall-clock seconds of each stage of this process, summed over threads, and `total`.
    """

    image_count: int
    object_count: int
    failed: tuple[Problem, ...]
    skipped_count: int
    kept: int
    seconds: dict[str, float]

    @classmethod
    def of(cls, reports: Sequence[BlockReport], kept: int, seconds: dict[str, float]) -> RunResult:
        """Return the sum of the reports of all blocks, given in order."""
        return cls(
            image_count=sum(len(report.image_ids) for report in reports),
            object_count=sum(report.object_count for report in reports),
            failed=tuple(problem for report in reports for problem in report.failed),
            skipped_count=sum(len(report.skipped) for report in reports),
            kept=kept,
            seconds=seconds,
        )

    @property
    def all_failed(self) -> bool:
        """Return whether no image could be used."""
        return 0 < len(self.failed) == self.image_count


@dataclass(frozen=True)
class RunPlan:
    """What is to be done.

    Attributes:
        images: All images, in the order of the rows.
        blocks: Those of this run, or of its shard.
        block_count: Blocks of all shards together.
        manifest: What decides the bytes of the rows, plain values.
        output: Where to.
        columns: Header of the submission.
    """

    images: Sequence[Pending]
    blocks: Sequence[Block]
    block_count: int
    manifest: Mapping[str, Any]
    output: Output
    columns: Sequence[str]

    @property
    def folder_manifest(self) -> dict[str, Any]:
        """What decides the content of the work folder."""
        return {"shard": str(self.output.shard or "all"), "image_count": len(self.images), **self.manifest}


def put_together(plan: RunPlan, work: WorkFolder, reports: Sequence[BlockReport]) -> None:
    """Write everything that stands beside the submission, then the submission.

    Args:
        plan: What was to be done.
        work: Holds the files of the blocks.
        reports: Of the blocks, in order.

    Raises:
        InputError: If another process took the folder over, or a file cannot be written.
    """
    output = plan.output
    work.require_held()
    with guarded_outputs(output.files()[1:], COMMAND, overwrite=True):  # checked before the first image
        for sink in output.sinks:
            sink.join([work.block_path(report.number) for report in reports], output.path)
        write_fallbacks(output.path, reports)
    whole = work.path / WHOLE  # renamed at the end, so that a kill leaves nothing beside the work folder
    if output.shard is None:
        write_submission(whole, tuple(plan.columns), (work.rows_file(report.number).open("rb") for report in reports))
    else:
        write_part(whole, output.shard, plan.columns, plan.manifest, plan.block_count, work, reports)
    work.require_held()
    list_output(output.path, COMMAND, whole)
    whole.replace(output.path)
