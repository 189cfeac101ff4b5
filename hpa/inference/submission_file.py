"""A submission put together from the rows of its blocks, and a note on images that were not predicted as configured."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

from hpa.core.whole_file import remove_orphans, whole_file
from hpa.inference.block_report import BlockReport
from hpa.inference.budget import AS_CONFIGURED
from hpa.inference.steps import Row
from hpa.inference.work_folder import write_rows

OUT_OF_TIME = "blank: out of time"


def write_submission(path: Path, columns: Row, blocks: Iterable[AbstractContextManager[IO[bytes]]]) -> None:
    """Write a header and the rows of blocks, in the order they come, whole or not at all."""
    remove_orphans(path)
    with whole_file(path) as file:
        write_rows(file, [columns])
        for block in blocks:
            with block as rows:
                shutil.copyfileobj(rows, file)


def fallbacks_path(out: Path) -> Path:
    """Return where the note on fallbacks stands beside a submission."""
    return out.with_name(f"{out.name}.fallbacks.json")


def write_fallbacks(out: Path, reports: Sequence[BlockReport]) -> None:
    """Note which images were predicted how; where all were as configured there is no note, and an older one goes.

    Args:
        out: The submission.
        reports: What came of all blocks.
    """
    images: dict[str, list[str]] = {}
    for report in reports:
        skipped = set(report.skipped)
        for image_id in report.image_ids:
            images.setdefault(OUT_OF_TIME if image_id in skipped else report.fallback, []).append(image_id)
    path = fallbacks_path(out)
    remove_orphans(path)
    if set(images) <= {AS_CONFIGURED}:
        path.unlink(missing_ok=True)
        return
    with whole_file(path) as file:
        file.write(json.dumps(images, indent=1).encode())
