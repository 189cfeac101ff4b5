"""Images of a folder as one grey file a channel: `<ID>_<channel>.png`, `.tif`, `.tiff`, also in capital letters."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from pathlib import Path

from hpa.core.errors import InputError, MissingChannelError, Problem
from hpa.core.field import Field
from hpa.core.file_identity import file_identity
from hpa.formats.folder_files import NOT_READ
from hpa.formats.folder_listing import summary_of
from hpa.formats.image_header import PlaneInfo
from hpa.formats.images import difference_of, plane_info, read_field
from hpa.sources.row_checks import changed_id_hint

SUFFIXES: tuple[str, ...] = (".png", ".tif", ".tiff")
_SPELLINGS = (*SUFFIXES, *(suffix.upper() for suffix in SUFFIXES))


class ChannelFiles:
    """The files of a folder.

    Args:
        folder: Where they lie.
        channels: Channels to read, in the order of the planes.
        bits: Bits that levels use in 16-bit files; None trusts their headers.
    """

    def __init__(self, folder: Path, channels: Sequence[str], bits: int | None) -> None:
        self.folder = folder
        self.channels = tuple(channels)
        self.bits = bits

    def names(self) -> frozenset[str]:
        """Return the names of all image files: one look at the folder instead of one a file."""
        return frozenset(path.name for path in self.folder.iterdir() if path.suffix.lower() in SUFFIXES)

    def stems(self) -> Iterator[str]:
        """Yield the names of all image files without suffix, none where there is no folder."""
        if self.folder.is_dir():
            yield from (path.stem for path in self.folder.iterdir() if path.suffix.lower() in SUFFIXES)

    def passed_over(self, image_ids: Collection[str]) -> list[Problem]:
        """Return what lies in the folder beside the files of images, at most one line for each reason."""
        listed = set(image_ids)
        others = [path for path in self.folder.iterdir() if path.is_file() and not path.name.startswith(".")]
        others = [path for path in sorted(others) if path.stem.rpartition("_")[0] not in listed]
        images = [path for path in others if path.suffix.lower() in SUFFIXES]
        rest = [path for path in others if path.suffix.lower() not in SUFFIXES]
        where = str(self.folder)
        found = [Problem(where, f"passed over, {NOT_READ}: {summary_of(rest)}")] if rest else []
        return found + (
            [Problem(where, f"passed over, of images without a row: {summary_of(images)}")] if images else []
        )

    def paths(self, image_id: str) -> dict[str, Path]:
        """Return the file of each channel; where there is none, the name it should have."""
        found = {}
        for channel in self.channels:
            candidates = [self.folder / f"{image_id}_{channel}{suffix}" for suffix in _SPELLINGS]
            found[channel] = next((path for path in candidates if path.is_file()), candidates[0])
        return found

    def read(self, image_id: str, pixel_um: float | None) -> Field:
        """Read the planes of an image.

        Raises:
            InputError: If a file is missing, cannot be read, or differs from the others in size or depth.
        """
        return read_field(image_id, self.paths(image_id), pixel_um, self.bits)

    def inspect(self, image_id: str, names: Collection[str]) -> tuple[PlaneInfo | None, list[str]]:
        """Return size and depth of an image from its headers (None if not sure), and all that is wrong."""
        infos: dict[str, PlaneInfo] = {}
        missing, reasons = [], []
        for channel in self.channels:
            found = [name for suffix in _SPELLINGS if (name := f"{image_id}_{channel}{suffix}") in names]
            if len(found) > 1:
                reasons.append(f"{' and '.join(found)} are both there; keep one of them")
            if not found:
                missing.append(channel)
                continue
            try:
                infos[channel] = plane_info(self.folder / found[0])
            except InputError as error:
                reasons.append(str(error))
        if missing:
            wanted = f"{image_id}_{missing[0]}.png (or .tif, .tiff)"
            reasons.append(
                f"no file for {', '.join(missing)} in {self.folder}; expected e.g. {wanted}{changed_id_hint(image_id)}"
            )
        difference = difference_of(infos)
        if difference:
            reasons.append(difference)
        return None if difference else next(iter(infos.values()), None), reasons

    def identity(self, image_id: str) -> str:
        """Name the content of an image by its files, without decoding them.

        Raises:
            InputError: If a file is missing.
        """
        parts = [f"{channel}={file_identity(path)}" for channel, path in self.paths(image_id).items()]
        return "|".join(parts if self.bits is None else [*parts, f"bits={self.bits}"])


def require_channels(folders: Sequence[ChannelFiles], known: Sequence[str] | None = None) -> None:
    """Do nothing where each channel has files in one of the folders, or no file is called like one of a channel.

    Args:
        folders: Where files may lie.
        known: All channels that there can be; None: any end of a name is one.

    Raises:
        MissingChannelError: If there is no file of a channel.
    """
    missing = _without_files(folders)
    available = _seen_channels(folders, known, missing) if missing else ()
    if available:
        channels = list(folders[0].channels)
        raise MissingChannelError(
            f"data.channels={channels}: no file of {folders[0].folder} is called <ID>_{missing[0]}; there are "
            f"{', '.join(available)}: write 'data.channels=[{','.join(available)}]', or some of them.",
            missing,
            available,
        )


def _without_files(folders: Sequence[ChannelFiles]) -> list[str]:
    """Return the channels of which no folder has a file; the last folder, of test images, is the smallest."""
    missing = list(folders[0].channels)
    for stem in chain.from_iterable(files.stems() for files in reversed(folders)):
        missing = [channel for channel in missing if not stem.endswith(f"_{channel}")]
        if not missing:
            break
    return missing


def _seen_channels(
    folders: Sequence[ChannelFiles], known: Sequence[str] | None, missing: Sequence[str]
) -> tuple[str, ...]:
    """Return the channels of which there are files, where none is known guessed from the ends of their names."""
    stems = sorted(stem for files in folders for stem in files.stems())
    ends = tuple(known or [channel for channel in folders[0].channels if channel not in missing])
    rest = [] if known else [stem for stem in stems if "_" in stem and not stem.endswith(tuple(f"_{e}" for e in ends))]
    found = [end for end in ends if any(stem.endswith(f"_{end}") for stem in stems)]
    return tuple(dict.fromkeys([*found, *(stem.rpartition("_")[2] for stem in rest)]))
