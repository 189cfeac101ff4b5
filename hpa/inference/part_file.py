"""One shard's part of a submission: a zip of its blocks and of a manifest that says what made them."""

from __future__ import annotations

import json
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from hpa.core.errors import InputError
from hpa.core.whole_file import whole_file
from hpa.inference.blocks import Shard
from hpa.inference.work_folder import BlockReport, WorkFolder

MANIFEST = "manifest.json"
FORMAT = "hpa part 1"
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
"""What the zip reader raises where bytes of a file were changed."""
_QUICK = 1  # zlib level: every mask stands once a class, which the quickest level finds too


@dataclass(frozen=True)
class Part:
    """A part that was read, less its rows.

    Attributes:
        path: The file.
        shard: Which part it is.
        settings: What decides the bytes of the rows.
        block_count: Blocks of all parts together.
        reports: What came of the blocks in this one.
    """

    path: Path
    shard: Shard
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
            with zipfile.ZipFile(self.path) as archive, archive.open(_member(number)) as rows:
                yield rows
        except _DAMAGE as error:
            raise InputError(
                f"{self.path}: block {number} cannot be read ({error}); copy the part again, or make it again."
            ) from error


def write_part(
    path: Path,
    shard: Shard,
    settings: Mapping[str, Any],
    block_count: int,
    work: WorkFolder,
    reports: Sequence[BlockReport],
) -> None:
    """Write the part of a shard, whole or not at all."""
    manifest = {
        "format": FORMAT,
        "shard": asdict(shard),
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
            manifest = json.loads(archive.read(MANIFEST))
        if manifest["format"] != FORMAT:
            raise InputError(f"{path}: is a '{manifest['format']}', expected is '{FORMAT}'; make it again.")
        reports = tuple(BlockReport.from_plain(report) for report in manifest["reports"])
        return Part(path, Shard(**manifest["shard"]), manifest["settings"], int(manifest["block_count"]), reports)
    except FileNotFoundError as error:
        raise InputError(f"{path}: the file is missing; check the path.") from error
    except (OSError, TypeError, *_DAMAGE) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: this is no part of a submission ({error}); give files that infer.py wrote with shard=1/n to n/n."
        ) from error


def is_part(path: Path) -> bool:
    """Tell whether a file is a part."""
    try:
        read_part(path)
    except InputError:
        return False
    return True


def _member(number: int) -> str:
    return f"block_{number:05d}.csv"
