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
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

from hpa.core.digest import sha256_of_file
from hpa.core.errors import InputError
from hpa.core.file_lock import Lock, LockHeldError, held, living_holder
from hpa.core.whole_file import remove, remove_orphans, whole_file
from hpa.inference.block_report import BlockFile, BlockReport
from hpa.inference.settings import differences
from hpa.inference.steps import Row

LOCK = "lock"
MANIFEST = "manifest.json"
WHOLE = "whole"
"""The submission while it is put together."""
TURN = "turn"
_OWN_NAME = re.compile(
    rf"(({LOCK}|{TURN}|(lease|spare)_\d+|worker_[0-9a-f]+)(\.takeover)?)|worker_[0-9a-f]+\.files|{MANIFEST}|{WHOLE}|"
    r"block_\d+\..*|\..*\.part"
)
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
            report = BlockReport.from_plain(json.loads(self._report_file(number).read_text(encoding="utf-8")))
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


@contextmanager
def opened(out: Path, manifest: Mapping[str, Any]) -> Iterator[WorkFolder]:
    """Hold the work folder of a submission; it is deleted at the end if no block was finished.

    Args:
        out: The submission.
        manifest: What decides its bytes, plain values.

    Raises:
        InputError: If another process holds it, it was begun with another manifest, naming what differs, or it holds
            what this program did not put there.
    """
    path = work_path(out)
    remedy = "wait until it ends, or choose another out=FILE."
    try:
        with held(path / LOCK, "writes this output", remedy) as lock:
            folder = WorkFolder(path, lock)
            _require_own(folder, out)
            _require_alone(folder)
            claim(folder, manifest, out, is_alone=True)
            try:
                yield folder
            finally:
                if not folder.holds_blocks():
                    folder.remove()
    finally:
        with suppress(OSError):  # not empty: there is something to go on with
            path.rmdir()


def living_workers(path: Path) -> list[Path]:
    """List what the processes hold that share a work folder now."""
    return [worker for worker in path.glob("worker_*") if not worker.suffix and living_holder(worker) is not None]


def claim(folder: WorkFolder, manifest: Mapping[str, Any], out: Path, *, is_alone: bool) -> None:
    """Write the manifest, or compare it with that of the unfinished run; remove what a killed run left half written.

    Args:
        folder: Held.
        manifest: What decides the bytes of the submission.
        out: The submission.
        is_alone: Whether no other process is writing here, so that what is half written was left by killed ones.

    Raises:
        InputError: If the folder holds something else, or a run with other settings.
    """
    _require_own(folder, out)
    if is_alone:
        living = {worker.name for worker in living_workers(folder.path)}
        left = [path for path in folder.path.glob("worker_*") if path.stem not in living]
        for orphan in [*folder.path.glob(".*.part"), *left]:
            remove(orphan)
        for written in (out, out.with_name(f"{out.name}.fallbacks.json")):
            remove_orphans(written)
    if not folder.holds_blocks() and (is_alone or not (folder.path / MANIFEST).exists()):
        folder.remove()
        write_json(folder.path / MANIFEST, manifest)
        return
    changed = differences(manifest_of(folder.path), manifest)
    if changed:
        raise InputError(
            f"{folder.path}: holds the blocks of an unfinished run with other settings (its own, then yours):\n  "
            + "\n  ".join(changed)
            + "\nRepeat its command to go on, "
            f"delete {folder.path.name} to start over, or choose another out than {out.name}."
        )


def _require_alone(folder: WorkFolder) -> None:
    """Refuse a folder that other processes share."""
    if workers := living_workers(folder.path):
        raise InputError(
            f"{folder.path}: {len(workers)} processes share this output now (workers=join); add workers=join to take "
            "part, wait until they end, or choose another out=FILE."
        )


def _require_own(folder: WorkFolder, out: Path) -> None:
    """Refuse a folder that holds other things than a run leaves: nothing in it is deleted or written over."""
    foreign = sorted(path.name for path in folder.path.iterdir() if not _OWN_NAME.fullmatch(path.name))
    if foreign:
        raise InputError(
            f"{folder.path}: this is where unfinished results are kept, and it holds {foreign[0]}, which is none; move "
            f"it away, or choose another out than {out.name}."
        )
    if folder.path.is_symlink():
        raise InputError(
            f"{folder.path}: this is where unfinished results are kept, and it is a link to another folder; remove the "
            f"link, or choose another out than {out.name}."
        )


def manifest_of(path: Path) -> Any:
    """Read the manifest of the unfinished run."""
    try:
        return json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path / MANIFEST}: cannot be read ({error}); delete {path} to start over.") from error


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write plain values, whole or not at all."""
    with whole_file(path) as file:
        file.write(json.dumps(values, indent=1).encode())
