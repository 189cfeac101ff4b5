"""The folder beside a submission in which it grows, block by block, so that a killed run goes on where it was.

```
submission.csv.parts/lock               held by the run that writes
submission.csv.parts/manifest.json      what decides the bytes
submission.csv.parts/whole              the submission while it is put together
submission.csv.parts/block_00000.csv    rows of the block, without a header
submission.csv.parts/block_00000.*      files of other writers (`CellSink`) begin with the name of their block
submission.csv.parts/block_00000.json   the report: what came of the block, and each of its files with a checksum
```

Where several processes share the folder (`shared_folder`), there are also:

```
submission.csv.parts/turn               held by the process that begins the run or puts it together
submission.csv.parts/worker_*           held by each process while it takes part
submission.csv.parts/worker_*.files/    what it writes of its present block, until that is complete
submission.csv.parts/lease_00000        held by the process that does the block
submission.csv.parts/spare_00000        held by one that does it too, as the first one is slow
```

The report is written last and deleted first, so that it stands for a whole block; a block with a missing or damaged
file counts as unfinished and is done again.
"""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from hpa.core.digest import sha256_of_file
from hpa.core.file_lock import Lock, LockHeldError
from hpa.core.json_file import read_json
from hpa.core.whole_file import remove, whole_file
from hpa.inference.block_report import BlockFile, BlockReport
from hpa.inference.steps import Row

LOCK = "lock"
MANIFEST = "manifest.json"
WHOLE = "whole"
"""The submission while it is put together."""
TURN = "turn"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class WorkFolder:
    """A work folder of which this process holds the whole or, where it is shared, one block.

    Attributes:
        path: The folder.
        lock: Held by this process.
        staging: Folder of this process alone, in which a block is written before it is moved to its place; None where
            nobody else writes.
    """

    path: Path
    lock: Lock
    staging: Path | None = None

    def require_held(self) -> None:
        """Make sure that no other process took the folder over.

        Raises:
            InputError: If one did, as this one did not renew its lock for minutes.
        """
        self.lock.require_held()

    def block_path(self, number: int) -> Path:
        """Return how the files of a block begin, where they are written."""
        return (self.staging or self.path) / f"block_{number:05d}"

    def rows_file(self, number: int) -> Path:
        """Return the file of a block's rows."""
        return self.block_path(number).with_suffix(".csv")

    def report(self, number: int) -> BlockReport | None:
        """Return what came of a block, or None where it was not finished or one of its files is not as it was."""
        try:
            report = BlockReport.from_plain(read_json(self._report_file(number)))
        except (OSError, ValueError, TypeError, KeyError):
            return None
        if self.files_of(number) == report.files:
            return report
        _logger.warning("%s: files of block %d are missing or damaged; it is done again", self.path, number)
        return None

    def files_of(self, number: int) -> tuple[BlockFile, ...]:
        """Return the files of a block but its report, read for their checksums."""
        name, report = self.block_path(number).name, self._report_file(number)
        found = [path for top in self.path.glob(f"{name}.*") for path in (top, *top.rglob("*")) if path.is_file()]
        return tuple(
            BlockFile(path.relative_to(self.path).as_posix(), path.stat().st_size, sha256_of_file(path))
            for path in sorted(found)
            if path != report
        )

    def begin(self, number: int) -> None:
        """Remove what there is of a block, the report first.

        Raises:
            InputError: If another process took the folder over.
        """
        self.require_held()
        if self.staging is not None:
            remove(self.staging)
            self.staging.mkdir()
            return
        self._report_file(number).unlink(missing_ok=True)
        for path in self.path.glob(f"{self.block_path(number).name}.*"):
            remove(path)

    def write_rows(self, number: int, rows: Iterable[Row]) -> None:
        """Write the rows of a block while they come."""
        with whole_file(self.rows_file(number)) as file:
            write_rows(file, rows)

    def publish(self, number: int) -> None:
        """Move the files of a complete block to their places, where they were written elsewhere.

        Raises:
            LockHeldError: If another process took the block over, or has done it.
        """
        if self.staging is None:
            return
        self.require_held()
        if self._report_file(number).exists():
            raise LockHeldError(f"{self.path}: block {number} was done by another process meanwhile.")
        for path in self.staging.iterdir():
            place = self.path / path.name
            if place.is_dir():
                remove(place)
            path.replace(place)

    def write_report(self, report: BlockReport) -> None:
        """Write what came of a block, which makes it count as done.

        Raises:
            InputError: If another process took the folder over.
        """
        self.require_held()
        write_json(self._report_file(report.number), asdict(report))

    def holds_blocks(self) -> bool:
        """Return whether any block was finished."""
        return any(self.path.glob("block_*.json"))

    def remove(self) -> None:
        """Delete what a run leaves here but the lock: reports first, so that none stands for files that are gone."""
        for report in self.path.glob("block_*.json"):
            report.unlink(missing_ok=True)
        for pattern in ("block_*", "lease_*", "spare_*", WHOLE, MANIFEST):
            for path in self.path.glob(pattern):
                remove(path)

    def _report_file(self, number: int) -> Path:
        return self.path / f"block_{number:05d}.json"


def write_rows(file: BinaryIO, rows: Iterable[Row]) -> None:
    """Write rows of CSV while they come."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    text.detach()  # flushes, and leaves the file to whoever opened it


def work_path(out: Path) -> Path:
    """Return the work folder of a submission."""
    return out.with_name(f"{out.name}.parts")


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write plain values, whole or not at all."""
    with whole_file(path) as file:
        file.write(json.dumps(values, indent=1).encode())
