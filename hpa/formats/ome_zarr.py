"""OME-Zarr images in a local folder, versions 0.4 and 0.5 (Moore et al., Nature Methods 18:1496, 2021).

Headers are read as the JSON that they are; only pixels need the package zarr (extra `zarr`). Of a pyramid the full size
is read. A plate or a series of images are scenes of one file. An array may name any codec that is installed, also ones
that unpickle, so codecs are refused that are not known to be harmless.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from hpa.core.errors import InputError
from hpa.core.windows import Window
from hpa.formats.bounded_codecs import open_bounded
from hpa.formats.image_header import ImageHeader, Scene, check_size, numbered
from hpa.formats.ome_zarr_metadata import array_file, folder_inside, read_object, shape_of
from hpa.formats.pixel_size import UNKNOWN, size_um

SUFFIX = ".zarr"
_METADATA = ("zarr.json", ".zattrs", ".zgroup")
_CODECS = frozenset(
    ("blosc", "bytes", "bz2", "crc32c", "delta", "endian", "gzip", "lz4", "lzma", "sharding_indexed", "shuffle")
) | {"transpose", "zlib", "zstd"}
_MALFORMED = (AttributeError, TypeError, ValueError, LookupError, OverflowError, RecursionError, OSError)
"""What values of any type in any place of the metadata lead to."""
_MAX_CHUNKS = 1_000_000
_DEFAULT_AXES = ("t", "c", "z", "y", "x")
"""Of versions before 0.3, which name none."""
Planes = Shaped[np.ndarray, "slice channel height width"]


def is_zarr(path: Path) -> bool:
    """Return whether a folder is a Zarr group."""
    return path.is_dir() and (path.suffix.lower() == SUFFIX or any((path / name).is_file() for name in _METADATA[:2]))


def inspect_zarr(path: Path) -> ImageHeader:
    """Return what the metadata of an image say; no pixel is decoded.

    Raises:
        InputError: If the folder is no OME-Zarr image, or holds what cannot be read safely.
    """
    try:
        return _header(path)
    except InputError:  # a ValueError too
        raise
    except _MALFORMED as error:
        raise InputError(
            f"{path}: its metadata are not of an OME-Zarr image ({type(error).__name__}: {error}); export it again."
        ) from error


def _header(path: Path) -> ImageHeader:
    images = list(_images(path))
    if not images:
        raise InputError(f"{path}: is no OME-Zarr image (no multiscales, plate or series); export it as OME-TIFF.")
    version = next(
        (str(found["version"]) for _, ome in images for found in ome["multiscales"] if "version" in found), ""
    )
    version = version or str(_attributes(path).get("version", ""))
    labels = [folder for folder, _ in images if (folder / "labels").is_dir()]
    notes = (f"labels of {len(labels)} images left out",) if labels else ()
    scenes = tuple(_scene(path, folder, ome) for folder, ome in images)
    if any(scene.height < 1 or scene.width < 1 for scene in scenes):
        raise ValueError("an image without pixels")
    return ImageHeader(path, f"OME-Zarr {version}".strip(), scenes, notes)


def read_zarr(path: Path, scene: int, time: int, slices: range) -> Planes:
    """Return planes of a scene.

    Raises:
        InputError: As `inspect_zarr`, if the package zarr is missing, or a chunk is damaged.
    """
    image = ZarrWindows(path, scene, time, slices)
    check_size(path, image.planes * image.whole.area)
    return image.read(image.whole)


class ZarrWindows:
    """Reads windows of a scene, decoding only the chunks that they touch.

    Attributes:
        layout: How its pixels are stored, in words.
        whole: The window that is the whole image.
        planes: Channels times slices that are read.

    Raises:
        InputError: As `read_zarr`.
    """

    def __init__(self, path: Path, scene: int, time: int, slices: range) -> None:
        try:
            import zarr  # noqa: F401  # an optional extra
        except ImportError as error:
            raise InputError(f"{path}: OME-Zarr needs the package zarr: pip install 'hpa-cells[zarr]'.") from error
        folder, ome = list(_images(path))[scene]
        self._path = path
        self._folder, self._axes, metadata = _full_size(path, folder, ome)
        self._chosen = {"t": slice(time, time + 1), "z": slice(slices.start, slices.stop)}
        lengths = dict(zip(self._axes, metadata["shape"], strict=True))
        self.whole = Window(0, 0, lengths["y"], lengths["x"])
        self._depth = len(slices) if "z" in self._axes else 1
        self.planes = len(slices) * lengths.get("c", 1)
        chunk = _chunk_shape(metadata)
        check_size(path, math.prod(chunk))
        self._chunk = dict(zip(self._axes, chunk, strict=True))
        self.layout = f"chunks of {self._chunk['x']}×{self._chunk['y']} px"
        try:
            itemsize = np.dtype(metadata.get("dtype", metadata.get("data_type", "object"))).itemsize
            self._array: Any = open_bounded(str(self._folder), math.prod(chunk) * itemsize)
        except Exception as error:  # metadata of any content
            raise self._damaged(error, "") from error

    def read(self, window: Window) -> Planes:
        """Return planes of a window; chunks that are not there are black, as the format has it.

        Raises:
            InputError: If a chunk is damaged, or they are too many.
        """
        axes = self._axes
        self._require_few_chunks(window)
        chosen = self._chosen | dict(zip("yx", window.slices, strict=True))
        try:
            values = np.asarray(self._array[tuple(chosen.get(axis, slice(None)) for axis in axes)])
        except Exception as error:  # codecs fail in any way at damaged chunks
            place = f" in rows {window.top} to {window.bottom}, columns {window.left} to {window.right}"
            raise self._damaged(error, place) from error
        order = [axes.index(axis) for axis in "zc" if axis in axes]
        rest = [place for place, axis in enumerate(axes) if axis not in "zcyx"]
        moved = values.transpose(*rest, *order, axes.index("y"), axes.index("x"))
        return np.ascontiguousarray(moved.reshape(self._depth, -1, *moved.shape[-2:]))

    def _require_few_chunks(self, window: Window) -> None:
        """Refuse so many chunks that looking for them takes hours, be they there or not."""
        lengths = {"y": window.bottom - window.top, "x": window.right - window.left}
        count = self.planes * math.prod(-(-length // self._chunk[axis]) for axis, length in lengths.items())
        if count > _MAX_CHUNKS:
            raise InputError(
                f"{self._path}: {count:,} {self.layout} would be read, at most {_MAX_CHUNKS:,}; save it again with "
                "chunks of about 512x512 px."
            )

    def has_data(self, window: Window) -> bool:
        """Return whether a chunk of a window is there; else it is black."""
        if self._array.fill_value not in (0, None):
            return True
        ranges = []
        for axis, length in zip(self._axes, self._array.shape, strict=True):
            first, stop, _ = (
                (self._chosen | dict(zip("yx", window.slices, strict=True))).get(axis, slice(None)).indices(length)
            )
            ranges.append(range(first // self._chunk[axis], (stop - 1) // self._chunk[axis] + 1))
        keys = map(self._array.metadata.encode_chunk_key, itertools.product(*ranges))
        return any((self._folder / key).exists() for key in keys)

    def close(self) -> None:
        """Do nothing: chunks are files that are open only while they are read."""

    def _damaged(self, error: Exception, place: str) -> InputError:
        return InputError(
            f"{self._path}: cannot be read{place} ({type(error).__name__}: {error}); copy or export it again."
        )


def _images(path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the folder and the metadata of each image: of this one, of a series, or of the wells of a plate."""
    ome = _attributes(path)
    if isinstance(ome.get("multiscales"), list) and ome["multiscales"]:
        yield path, ome
    elif isinstance(ome.get("plate"), dict):
        for well in ome["plate"].get("wells", []):
            folder = folder_inside(path, path / str(well.get("path", "")))
            for image in _attributes(folder).get("well", {}).get("images", []):
                yield from _images(folder_inside(path, folder / str(image.get("path", ""))))
    else:
        for folder in sorted(
            (child for child in path.iterdir() if child.name.isdecimal() and len(child.name) < 10),
            key=lambda c: int(c.name),
        ):
            if folder.is_dir():
                yield from _images(folder)


def _attributes(folder: Path) -> dict[str, Any]:
    """Return the OME attributes of a group; {} where it has none."""
    if (folder / "zarr.json").is_file():
        attributes = read_object(folder / "zarr.json").get("attributes", {})
        found = attributes.get("ome", attributes)
        return found if isinstance(found, dict) else {}
    return read_object(folder / ".zattrs") if (folder / ".zattrs").is_file() else {}


def _full_size(path: Path, folder: Path, ome: dict[str, Any]) -> tuple[Path, list[str], dict[str, Any]]:
    """Return folder, axes and metadata of the array of full size.

    Raises:
        InputError: If it is missing, or uses codecs that are not known.
    """
    multiscales = ome["multiscales"][0]
    datasets = multiscales.get("datasets") or [{}]
    array = folder_inside(path, folder / str(datasets[0].get("path", "")))
    file = array_file(array)
    if file is None:
        raise InputError(f"{path}: the array {array.name} is missing; copy the whole folder again.")
    metadata = read_object(file)
    unknown = sorted(set(_codec_names(metadata)) - _CODECS)
    if unknown or metadata.get("filters") not in (None, []):
        named = ", ".join(unknown) or "filters"
        raise InputError(f"{path}: is stored with {named}, which is not read; save it with blosc, zstd or gzip.")
    axes = [
        str(axis.get("name", "") if isinstance(axis, dict) else axis).lower() for axis in multiscales.get("axes", [])
    ]
    shape = metadata.get("shape", [])
    axes = axes or list(_DEFAULT_AXES[-len(shape) :])
    if len(axes) != len(shape) or not {"y", "x"} <= set(axes):
        raise InputError(
            f"{path}: its axes {', '.join(axes)} do not fit an array of {len(shape)} axes; export it again."
        )
    for dataset in datasets[1:]:
        smaller = shape_of(folder_inside(path, folder / str(dataset.get("path", ""))))
        if len(smaller) == len(shape) and math.prod(smaller) > math.prod(shape):
            raise InputError(
                f"{path}: its first level {array.name} ({shape}) is smaller than its level {dataset.get('path')} "
                f"({smaller}); the format wants the full size first: export it again."
            )
    return array, axes, metadata


def _scene(path: Path, folder: Path, ome: dict[str, Any]) -> Scene:
    _, axes, metadata = _full_size(path, folder, ome)
    lengths = dict(zip(axes, (int(length) for length in metadata["shape"]), strict=True))
    _chunk_shape(metadata)
    dtype = np.dtype(metadata.get("dtype", metadata.get("data_type", "object")))
    labels = [str(channel.get("label", "")) for channel in ome.get("omero", {}).get("channels", [])]
    return Scene(
        height=lengths["y"],
        width=lengths["x"],
        channel_names=numbered(labels, lengths.get("c", 1)),
        dtype=dtype.name,
        bits=8 * dtype.itemsize,
        pixel_um=_pixel_um(ome["multiscales"][0], axes),
        slices=lengths.get("z", 1),
        times=lengths.get("t", 1),
        other_axes={axis: length for axis, length in lengths.items() if axis not in "tczyx" and length > 1},
        name=folder.relative_to(path).as_posix() if folder != path else "",
    )


def _pixel_um(multiscales: dict[str, Any], axes: list[str]) -> tuple[float, float]:
    """Return the size of a pixel, where the axes have units of length."""
    units = [axis.get("unit", "") if isinstance(axis, dict) else "" for axis in multiscales.get("axes", [])]
    datasets = multiscales.get("datasets") or [{}]
    transformations = [
        *datasets[0].get("coordinateTransformations", []),
        *multiscales.get("coordinateTransformations", []),
    ]
    scale = np.ones(len(axes))
    for transformation in transformations:
        if transformation.get("type") == "scale" and len(transformation.get("scale", [])) == len(axes):
            scale = scale * np.asarray(transformation["scale"], np.float64)
    if len(units) != len(axes):
        return UNKNOWN
    y, x = axes.index("y"), axes.index("x")
    return size_um(scale[y], scale[x], str(units[x]))


def _codec_names(metadata: dict[str, Any]) -> Iterator[str]:
    """Yield the names of all codecs of an array, also those inside shards."""
    compressor = metadata.get("compressor")
    if isinstance(compressor, dict):
        yield str(compressor.get("id", ""))
    for codec in metadata.get("codecs", []):
        yield str(codec.get("name", ""))
        for key in ("codecs", "index_codecs"):
            yield from _codec_names({"codecs": codec.get("configuration", {}).get(key, [])})


def _chunk_shape(metadata: dict[str, Any]) -> list[int]:
    grid = metadata.get("chunk_grid", {}).get("configuration", {}).get("chunk_shape", [])
    shape = [int(side) for side in metadata.get("chunks", grid)]
    if not shape or min(shape) < 1:
        raise ValueError(f"chunks of the shape {shape}")
    return shape
