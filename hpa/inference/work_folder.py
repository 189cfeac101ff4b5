"""The folder beside a submission in which it grows, block by block, so that a killed run goes on where it was.

```
submission.csv.parts/lock               held by the run that writes
submission.csv.parts/manifest.json      what decides the bytes
submission.csv.parts/block_00000.csv    rows of the block, without a header
submission.csv.parts/block_00000.json   what came of it; written last, so that it stands for a whole block
```

Every file is written whole or not at all. Files of other writers (`CellSink`) begin with the name of their block.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hpa.core.errors import InputError, Problem
from hpa.core.submission_table import TableRow, write_rows
from hpa.core.whole_file import whole_file
from hpa.inference.differences import differences
from hpa.inference.output_lock import locked

LOCK = "lock"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class BlockReport:
    """What came of a block.

    Attributes:
        number: Of the block.
        image_ids: Its images, in order.
        cell_count: Cells written.
        failed: Images that could not be used.
        skipped: Images that no time was left for.
        fallback: How the others were predicted.
        content: Digest of what tells the image files apart from others, so that mended files are read again.
        size_bytes: Of the file of rows.
    """

    number: int
    image_ids: tuple[str, ...]
    cell_count: int
    failed: tuple[Problem, ...]
    skipped: tuple[str, ...]
    fallback: str
    content: str
    size_bytes: int

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> BlockReport:
        """Return the report of the values that `asdict` gave and JSON kept."""
        return cls(
            **{
                **values,
                "image_ids": tuple(values["image_ids"]),
                "failed": tuple(Problem(**problem) for problem in values["failed"]),
                "skipped": tuple(values["skipped"]),
            }
        )


@dataclass(frozen=True)
class WorkFolder:
    """A work folder that this process holds; made by `opened`.

    Attributes:
        path: The folder.
    """

    path: Path

    def block_path(self, number: int) -> Path:
        """Return how the files of a block begin."""
        return self.path / f"block_{number:05d}"

    def rows_file(self, number: int) -> Path:
        """Return the file of a block's rows."""
        return self.block_path(number).with_suffix(".csv")

    def report(self, number: int) -> BlockReport | None:
        """Return what came of a block, or None where it was not finished."""
        try:
            text = self.block_path(number).with_suffix(".json").read_text(encoding="utf-8")
            report = BlockReport.from_plain(json.loads(text))
            is_whole = self.rows_file(number).stat().st_size == report.size_bytes
        except (OSError, ValueError, TypeError, KeyError):
            return None
        return report if is_whole else None

    def write_rows(self, number: int, rows: Iterable[TableRow]) -> int:
        """Write the rows of a block while they come, and return the size of the file in bytes."""
        self.block_path(number).with_suffix(".json").unlink(missing_ok=True)
        path = self.rows_file(number)
        with whole_file(path) as file:
            write_rows(file, rows)
        return path.stat().st_size

    def write_report(self, report: BlockReport) -> None:
        """Write what came of a block, which makes it count as done."""
        write_json(self.block_path(report.number).with_suffix(".json"), asdict(report))

    def holds_blocks(self) -> bool:
        """Tell whether any block was finished."""
        return any(self.path.glob("block_*.json"))

    def remove(self) -> None:
        """Delete everything but the lock, the manifest last: half of it deleted, it can be gone on with."""
        for path in sorted(self.path.iterdir(), key=lambda path: path.name == MANIFEST):
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != LOCK:
                path.unlink()


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
        InputError: If another process holds it, or it was begun with another manifest, naming what differs.
    """
    folder = WorkFolder(work_path(out))
    folder.path.mkdir(parents=True, exist_ok=True)
    try:
        with locked(folder.path / LOCK):
            _claim(folder, manifest, out)
            try:
                yield folder
            finally:
                if not folder.holds_blocks():
                    folder.remove()
    finally:
        with suppress(OSError):  # not empty: there is something to go on with
            folder.path.rmdir()


def _claim(folder: WorkFolder, manifest: Mapping[str, Any], out: Path) -> None:
    """Write the manifest, or compare it with that of the run to go on with; remove what a killed run was writing."""
    for torn in folder.path.glob(".*.part"):
        torn.unlink()
    if not folder.holds_blocks():
        folder.remove()
        write_json(folder.path / MANIFEST, manifest)
        return
    changed = differences(_begun(folder.path), manifest)
    if changed:
        raise InputError(
            f"{folder.path}: holds the blocks of an unfinished run with other settings (its own, then yours):\n  "
            + "\n  ".join(changed)
            + "\nRepeat its command to go on, "
            f"delete {folder.path.name} to start over, or choose another out than {out.name}."
        )


def _begun(path: Path) -> Any:
    """Read the manifest of the run to go on with."""
    try:
        return json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path / MANIFEST}: cannot be read ({error}); delete {path} to start over.") from error


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write plain values, whole or not at all."""
    with whole_file(path) as file:
        file.write(json.dumps(values, indent=1).encode())
