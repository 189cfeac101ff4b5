"""The parts of a submission that shards write, and the submission merged from them, which one run would have written.

A part is a zip of the shard's blocks and of a manifest that says what made them.
"""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from hpa.core.errors import InputError
from hpa.core.json_file import parse_json
from hpa.core.whole_file import whole_file
from hpa.core.zip_members import DAMAGE, check_member
from hpa.inference.block_report import BlockReport
from hpa.inference.blocks import Shard
from hpa.inference.settings import differences
from hpa.inference.submission_file import write_fallbacks, write_submission
from hpa.inference.work_folder import WorkFolder

MANIFEST = "manifest.json"
FORMAT = "hpa part 2"
_MAX_MANIFEST_BYTES = 1 << 27  # a million images take a third
MAX_BLOCKS = 10_000_000
_SHOWN = 20
_QUICK = 1  # zlib level: every mask stands once a class, which the quickest level finds too


@dataclass(frozen=True)
class Part:
    """A part that was read, less its rows.

    Attributes:
        path: The file.
        shard: Which part it is.
        columns: Header of the submission.
        settings: What decides the bytes of the rows.
        block_count: Blocks of all parts together.
        reports: What came of the blocks in this one.
    """

    path: Path
    shard: Shard
    columns: tuple[str, ...]
    settings: Mapping[str, Any]
    block_count: int
    reports: tuple[BlockReport, ...]

    @contextmanager
    def rows(self, number: int) -> Iterator[IO[bytes]]:
        """Give the rows of a block to read.

        Raises:
            InputError: If the file is damaged.
        """
        try:
            with zipfile.ZipFile(self.path) as archive:
                check_member(archive, _member(number))
                with archive.open(_member(number)) as rows:
                    yield rows
        except DAMAGE as error:
            raise InputError(
                f"{self.path}: block {number} cannot be read ({error}); copy the part again, or make it again."
            ) from error


def write_part(
    path: Path,
    shard: Shard,
    columns: Sequence[str],
    settings: Mapping[str, Any],
    block_count: int,
    work: WorkFolder,
    reports: Sequence[BlockReport],
) -> None:
    """Write the part of a shard, whole or not at all."""
    manifest = {
        "format": FORMAT,
        "shard": asdict(shard),
        "columns": list(columns),
        "settings": settings,
        "block_count": block_count,
        "reports": [asdict(report) for report in reports],
    }
    with (
        whole_file(path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=_QUICK) as archive,
    ):
        archive.writestr(zipfile.ZipInfo(MANIFEST), json.dumps(manifest, indent=1))
        for report in reports:
            # ZipInfo has a fixed date, so the same rows give the same part
            info = zipfile.ZipInfo(_member(report.number))
            info.compress_type = zipfile.ZIP_DEFLATED
            with work.rows_file(report.number).open("rb") as rows, archive.open(info, "w", force_zip64=True) as member:
                shutil.copyfileobj(rows, member)


def read_part(path: Path) -> Part:
    """Read a part, less its rows.

    Raises:
        InputError: If the file is missing, damaged or no part.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            check_member(archive, MANIFEST, _MAX_MANIFEST_BYTES)
            manifest = parse_json(archive.read(MANIFEST))
        if manifest["format"] != FORMAT:
            raise InputError(f"its format is '{manifest['format']}', expected is '{FORMAT}'; make it again")
        reports = tuple(BlockReport.from_plain(report) for report in manifest["reports"])
        return Part(
            path=path,
            shard=Shard.parse("{number}/{count}".format(**manifest["shard"])),
            columns=tuple(map(str, manifest["columns"])),
            settings=dict(manifest["settings"]),
            block_count=_block_count(manifest["block_count"]),
            reports=reports,
        )
    except FileNotFoundError as error:
        raise InputError(f"{path}: the file is missing; check the path.") from error
    except (OSError, TypeError, AttributeError, RecursionError, *DAMAGE) as error:
        raise InputError(
            f"{path}: this is no part of a submission ({error}); give files that infer.py wrote with shard=1/n to n/n."
        ) from error


def _block_count(value: object) -> int:
    if not isinstance(value, int) or not 0 <= value <= MAX_BLOCKS:
        raise ValueError(f"it says {str(value)[:40]} blocks, 0 to {MAX_BLOCKS:,} are expected")
    return value


def is_part(path: Path) -> bool:
    """Return whether a file is a part."""
    try:
        read_part(path)
    except InputError:
        return False
    return True


@dataclass(frozen=True)
class Merged:
    """What the blocks of a merged submission are, in order."""

    reports: tuple[BlockReport, ...]

    @property
    def image_count(self) -> int:
        """Count the rows."""
        return sum(len(report.image_ids) for report in self.reports)

    @property
    def blank_count(self) -> int:
        """Count the rows that are blank because an image failed or no time was left for it."""
        return sum(len(report.failed) + len(report.skipped) for report in self.reports)

    @property
    def all_failed(self) -> bool:
        """Return whether no image could be used."""
        return sum(len(report.failed) for report in self.reports) == self.image_count


def merge_parts(paths: Sequence[Path], out: Path) -> Merged:
    """Write the submission of all parts, given in any order.

    Raises:
        InputError: If a part is missing, stands twice, is no part, or was made with other settings than the first,
            naming what differs.
    """
    parts = [read_part(path) for path in paths]
    _require_one_run(parts)
    _require_all_once(parts)
    place = {report.number: part for part in parts for report in part.reports}
    reports = {report.number: report for part in parts for report in part.reports}
    numbers = range(parts[0].block_count)
    merged = Merged(tuple(reports[number] for number in numbers))
    write_submission(out, parts[0].columns, (place[number].rows(number) for number in numbers))
    write_fallbacks(out, merged.reports)
    return merged


def _require_one_run(parts: Sequence[Part]) -> None:
    """Raise InputError if parts were made with different settings or cut differently."""
    first = parts[0]
    for part in parts[1:]:
        one = {"shards": first.shard.count, "columns": list(first.columns), **first.settings}
        changed = differences(one, {"shards": part.shard.count, "columns": list(part.columns), **part.settings})
        if changed:
            raise InputError(
                f"{first.path} and {part.path} are parts of different runs (the first's, the second's):\n  "
                + "\n  ".join(changed)
                + "\nMake one of them again with the other's settings."
            )


def _require_all_once(parts: Sequence[Part]) -> None:
    """Raise InputError if a shard, or a block of it, is missing or stands twice."""
    paths: dict[int, list[str]] = {number: [] for number in range(1, parts[0].shard.count + 1)}
    for part in parts:
        paths[part.shard.number].append(str(part.path))
    problems = [
        f"shard {number}/{len(paths)} " + (f"stands in {' and '.join(found)}" if found else "is missing")
        for number, found in paths.items()
        if len(found) != 1
    ]
    if problems:
        more = f"; … and {len(problems) - _SHOWN:,} more" if len(problems) > _SHOWN else ""
        raise InputError(f"every part is needed once, but {'; '.join(problems[:_SHOWN])}{more}.")
    numbers = sorted(report.number for part in parts for report in part.reports)
    if numbers != list(range(parts[0].block_count)):
        held = (
            f"{len(numbers)} blocks ({', '.join(map(str, numbers[:_SHOWN]))}{', …' if len(numbers) > _SHOWN else ''})"
        )
        raise InputError(
            f"the parts hold {held}, but 0 to {parts[0].block_count - 1} are needed once each; a part is "
            "damaged: make it again."
        )


def _member(number: int) -> str:
    return f"block_{number:05d}.csv"
