"""The two containers of torch.save, read as bytes.

Since torch 1.6 a file is a zip archive with the pickled object in `data.pkl` and one member a storage; before, it was
a row of five pickles followed by the storages. Here storages are read only after their number of bytes was compared
with what the pickle declares.
"""

from __future__ import annotations

import mmap
import struct
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from hpa.core.errors import InputError
from hpa.core.zip_members import DAMAGE
from hpa.models.pickled_program import Stream

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_VERSION = 1001
_MAX_PICKLE = 64 * 2**20
"""Bytes of pickled structure; the published networks need a fraction of one MiB."""


@dataclass(frozen=True)
class Storage:
    """A flat array in a file, as the pickle describes it."""

    key: str
    dtype: torch.dtype
    count: int

    @property
    def byte_count(self) -> int:
        """Its size in bytes."""
        return self.count * self.dtype.itemsize


Load = Callable[[Stream], Any]
"""Reads one pickle from a stream and leaves the stream behind it."""


class ZipArchive:
    """A file of torch 1.6 and later."""

    def __init__(self, path: Path, load: Load) -> None:
        """Read the structure.

        Args:
            path: The file.
            load: Makes an object of a pickle.

        Raises:
            InputError: If it is another kind of file.
        """
        self._path = path
        with zipfile.ZipFile(path) as archive:
            self._members = {member.filename: member for member in archive.infolist()}
            found = [name for name in self._members if name.count("/") == 1 and name.endswith("/data.pkl")]
            if len(found) != 1 or len(self._members) != len(archive.infolist()):
                raise InputError(f"{path}: a zip archive, but none of torch.save: it needs one member */data.pkl.")
            self._folder = found[0].removesuffix("data.pkl")
            order = self._members.get(f"{self._folder}byteorder")
            if order is not None and self._bytes(archive, order.filename, len(b"little")) != b"little":
                raise InputError(f"{path}: was written on a big-endian machine; save it again on a common one.")
            if self._members[found[0]].file_size > _MAX_PICKLE:
                raise InputError(f"{path}: data.pkl is larger than {_MAX_PICKLE:,} bytes, no network needs that.")
            self.structure = load(BytesIO(archive.read(found[0])))

    def read(self, storage: Storage) -> bytearray:
        """Return the bytes of a storage.

        Raises:
            InputError: If the file holds another number of them, or is damaged.
        """
        name = f"{self._folder}data/{storage.key}"
        try:
            with zipfile.ZipFile(self._path) as archive:
                return self._bytes(archive, name, storage.byte_count)
        except (OSError, *DAMAGE) as error:
            raise InputError(f"{self._path}: {name} is damaged ({error}); fetch the file again.") from error

    def _bytes(self, archive: zipfile.ZipFile, name: str, byte_count: int) -> bytearray:
        member = self._members.get(name)
        if member is None or member.file_size != byte_count or member.compress_type != zipfile.ZIP_STORED:
            came = "nothing" if member is None else f"{member.file_size:,} bytes"
            raise InputError(f"{self._path}: {name} should hold {byte_count:,} plain bytes, came {came}; broken file.")
        return bytearray(archive.read(name))


class LegacyArchive:
    """A file of torch before 1.6."""

    def __init__(self, path: Path, load: Load, storages: Mapping[str, Storage]) -> None:
        """Read the structure and find the storages.

        Args:
            path: The file.
            load: Makes an object of a pickle.
            storages: Those that `load` has met so far, by key.

        Raises:
            InputError: If it is another kind of file.
        """
        self._path = path
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as stream:
            if load(stream) != LEGACY_MAGIC or load(stream) != LEGACY_VERSION:
                raise InputError(f"{path}: was not written by torch.save.")
            system = load(stream)
            if not isinstance(system, dict) or system.get("little_endian") is not True:
                raise InputError(f"{path}: was written on a big-endian machine; save it again on a common one.")
            self.structure = load(stream)
            keys = load(stream)
            if not isinstance(keys, list) or sorted(map(str, keys)) != sorted(storages):
                raise InputError(f"{path}: the list of storages does not fit the object; broken file.")
            self._starts = {key: self._skip(stream, storages[key]) for key in keys}

    def read(self, storage: Storage) -> bytearray:
        """Return the bytes of a storage, whose number was checked before."""
        with self._path.open("rb") as stream:
            stream.seek(self._starts[storage.key])
            return bytearray(stream.read(storage.byte_count))

    def _skip(self, stream: mmap.mmap, storage: Storage) -> int:
        """Return where a storage begins, the stream behind its end."""
        header = stream.read(8)
        count = struct.unpack("<q", header)[0] if len(header) == 8 else -1
        start = stream.tell()
        if count != storage.count or start + storage.byte_count > self._path.stat().st_size:
            raise InputError(
                f"{self._path}: storage {storage.key} should hold {storage.count:,} numbers; the file is broken."
            )
        stream.seek(start + storage.byte_count)
        return start


Archive = ZipArchive | LegacyArchive
"""An opened file: the object's structure, and its storages on demand."""
