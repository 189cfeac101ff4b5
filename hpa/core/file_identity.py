"""What names the content of a file without reading all of it, so that what was made of it is known to be of it.

Place, size and time of change are not enough: copies keep their times (`cp -p`, `rsync -t`, archives), and images of
one camera have one size. So a few samples of the content are part of the name. Other pictures differ in them: pixels
are noise, and of a compressed file all bytes after the first different pixel differ. An edit of a few pixels in an
uncompressed file, by a program that puts the old time back, is not noticed.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from pathlib import Path

from hpa.core.addresses import StoredPath
from hpa.core.digest import digest_of_values
from hpa.core.errors import InputError
from hpa.core.file_names import require_data

SAMPLE_BYTES = 4096
"""What disks and networks read at once anyway."""
_SAMPLES = 4
"""The first and the last sample are the ends of the file, where headers, directories and checksums stand."""


def file_identity(path: Path) -> str:
    """Return what names the content of a file, or of a folder that is one image (OME-Zarr).

    Args:
        path: The file or folder.

    Raises:
        InputError: If it is missing or cannot be read.
    """
    if isinstance(path, StoredPath):
        return path.identity()
    require_data(path)
    try:
        if path.is_dir():
            return f"{path.resolve()}:{_of_folder(path)}"
        return f"{path.resolve()}:{_of_file(path)}"
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); add the file or mend its path.") from error


def identity_of_files(paths: Iterable[Path]) -> str:
    """Return what names the content of several files.

    Raises:
        InputError: If one is missing or cannot be read.
    """
    return "|".join(map(file_identity, paths))


def _of_file(path: Path) -> str:
    """Return size, time of change in ns, and the CRC-32 of samples: of all bytes where the file is small."""
    status = path.stat()
    last = status.st_size - SAMPLE_BYTES
    checksum = 0
    with path.open("rb", buffering=0) as file:
        for number in range(_SAMPLES):
            file.seek(max(0, last * number // (_SAMPLES - 1)))
            checksum = zlib.crc32(file.read(SAMPLE_BYTES), checksum)
    return f"{status.st_size}:{status.st_mtime_ns}:{checksum:08x}"


def _of_folder(folder: Path) -> str:
    """Return a digest of the names, sizes, times and samples of all files of a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return digest_of_values([[path.relative_to(folder).as_posix(), _of_file(path)] for path in files])
