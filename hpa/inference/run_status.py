"""How far a run of `infer.py` is, read from its work folder while any number of processes write there."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from hpa.core.errors import InputError, Problem
from hpa.core.file_lock import Holder, living_holder
from hpa.core.json_file import read_json
from hpa.inference.block_report import BlockReport
from hpa.inference.blocks import BlockSizes, Shard
from hpa.inference.shared_folder import note_path, read_note
from hpa.inference.work_claim import living_workers, manifest_of
from hpa.inference.work_folder import LOCK, TURN, work_path

FINISHED, RUNNING, INTERRUPTED = "finished", "running", "interrupted"
_MAX_IMAGES = 100_000_000
_PAUSE_GAPS = 20
"""A gap between two blocks so many times as long as the usual one is a pause between two runs."""


@dataclass(frozen=True)
class RunStatus:
    """How far a run is.

    Attributes:
        state: finished, running, or interrupted: nobody is working on it, and the same command goes on.
        images: In all.
        images_done: With a row.
        blocks: In all.
        blocks_done: Written whole.
        blocks_running: Being done now.
        objects: Cells written, of the workloads that count them.
        failed: Images that could not be used, with the reason.
        workers: Who takes part: machine and process.
        images_per_hour: All processes together, by the times at which blocks were done; None where too few are.
        eta_s: Seconds until the rest is done at this pace; None where no pace is known or nobody works.
    """

    state: str
    images: int
    images_done: int
    blocks: int
    blocks_done: int
    blocks_running: int
    objects: int
    failed: tuple[Problem, ...]
    workers: tuple[str, ...]
    images_per_hour: float | None
    eta_s: float | None


def run_status(out: Path) -> RunStatus:
    """Return how far the run is that writes a submission.

    Raises:
        InputError: If there is neither a work folder beside it nor a note that it is finished.
    """
    folder = work_path(out)
    if (folder / "manifest.json").is_file():
        return _of_folder(folder)
    note = read_note(out)
    if note is not None:
        failed = tuple(Problem(*problem) for problem in note["failed"])
        images, blocks = note["images"], note["blocks"]
        return RunStatus(FINISHED, images, images, blocks, blocks, 0, note["objects"], failed, (), None, 0.0)
    if out.is_file():
        raise InputError(
            f"{out}: the file is complete; no run is writing it now, and runs of one process leave no note about "
            "themselves (those with workers=join do)."
        )
    raise InputError(
        f"{out}: no run of infer.py is writing this, there is neither {folder.name} nor {note_path(out).name} beside "
        "it; give the out=FILE of the command."
    )


def _of_folder(folder: Path) -> RunStatus:
    images, blocks = _extent(manifest_of(folder), folder)
    files = sorted(folder.glob("block_*.json"), key=lambda path: path.stat().st_mtime)
    reports = [report for report in map(_report, files) if report is not None]
    done = sum(len(report.image_ids) for report in reports)
    workers = [_named(holder) for path in living_workers(folder) if (holder := living_holder(path))]
    alone = [holder for name in (LOCK, TURN) if (holder := living_holder(folder / name))]
    workers = sorted({*workers, *map(_named, alone)})
    leases = {path.name.rpartition("_")[2] for path in folder.glob("lease_*") if living_holder(path)}
    pace_s = _seconds_an_image(files, reports)
    return RunStatus(
        state=RUNNING if workers else INTERRUPTED,
        images=images,
        images_done=done,
        blocks=blocks,
        blocks_done=len(reports),
        blocks_running=len(leases) or bool(alone and done < images),
        objects=sum(report.object_count for report in reports),
        failed=tuple(problem for report in reports for problem in report.failed),
        workers=tuple(workers),
        images_per_hour=None if pace_s is None else 3600 / pace_s,
        eta_s=None if pace_s is None or not workers else pace_s * (images - done),
    )


def _extent(manifest: Mapping[str, Any], folder: Path) -> tuple[int, int]:
    """Return how many images and blocks a run has, or its shard."""
    try:
        sizes = BlockSizes(manifest["block_images"], manifest["fields_at_once"], manifest["megapixels_at_once"])
        shard = None if manifest["shard"] == "all" else Shard.parse(manifest["shard"])
        if not 0 <= manifest["image_count"] <= _MAX_IMAGES:
            raise InputError(f"{folder / 'manifest.json'}: this is no run, it has more than {_MAX_IMAGES:,} images.")
        blocks = sizes.blocks(manifest["image_count"], shard)
    except (KeyError, TypeError) as error:
        raise InputError(f"{folder / 'manifest.json'}: this is no run of this version ({error!r}).") from error
    return sum(map(len, blocks)), len(blocks)


def _report(path: Path) -> BlockReport | None:
    try:
        return BlockReport.from_plain(read_json(path))
    except (OSError, ValueError, TypeError, KeyError):  # it is being replaced
        return None


def _seconds_an_image(files: Sequence[Path], reports: Sequence[BlockReport]) -> float | None:
    """Return the pace from the times at which blocks were done, without pauses between runs; None for less than two."""
    times = [path.stat().st_mtime for path in files if path.exists()]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    if not gaps:
        return None
    usual = statistics.median_low(gaps)
    working = [gap for gap in gaps if gap <= _PAUSE_GAPS * usual] or gaps
    images_a_block = sum(len(report.image_ids) for report in reports) / max(1, len(reports))
    return max(statistics.mean(working) / max(1.0, images_a_block), 1e-6)


def _named(holder: Holder) -> str:
    return f"process {holder.process} on {holder.host}"
