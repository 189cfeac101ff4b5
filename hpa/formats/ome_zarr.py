"""OME-Zarr images in a local folder, versions 0.4 and 0.5 (Moore et al., Nature Methods 18:1496, 2021).

Headers are read as the JSON that they are; only pixels need the package zarr (extra `zarr`). Of a pyramid the full size
is read. A plate or a series of images are scenes of one file. An array may name any codec that is installed, also ones
that unpickle, so codecs are refused that are not known to be harmless.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from hpa.core.errors import InputError
from hpa.core.json_file import read_json
from hpa.formats.image_header import ImageHeader, Scene, check_size, numbered
from hpa.formats.pixel_size import UNKNOWN, size_um

SUFFIX = ".zarr"
_METADATA = ("zarr.json", ".zattrs", ".zgroup")
_CODECS = frozenset(
    ("blosc", "bytes", "bz2", "crc32c", "delta", "endian", "gzip", "lz4", "lzma", "sharding_indexed", "shuffle")
) | {"transpose", "zlib", "zstd"}
_MALFORMED = (AttributeError, TypeError, ValueError, LookupError, OverflowError, RecursionError, OSError)
"""What values of any type in any place of the metadata lead to."""
_DEFAULT_AXES = ("t", "c", "z", "y", "x")
"""Of versions before 0.3, which name none."""


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


def read_zarr(path: Path, scene: int, time: int, slices: range) -> Shaped[np.ndarray, "slice channel height width"]:
    """Return planes of a scene.

    Raises:
        InputError: As `inspect_zarr`, if the package zarr is missing, or a chunk is damaged.
    """
    try:
        import zarr  # an optional extra
    except ImportError as error:
        raise InputError(f"{path}: OME-Zarr needs the package zarr: pip install 'hpa-cells[zarr]'.") from error
    folder, ome = list(_images(path))[scene]
    array_folder, axes, metadata = _full_size(path, folder, ome)
    lengths = dict(zip(axes, metadata["shape"], strict=True))
    area = lengths["y"] * lengths["x"] * lengths.get("c", 1)
    check_size(path, area * len(slices))
    check_size(path, math.prod(_chunk_shape(metadata)))
    chosen = {"t": slice(time, time + 1), "z": slice(slices.start, slices.stop)}
    try:
        array: Any = zarr.open_array(str(array_folder), mode="r")
        values = np.asarray(array[tuple(chosen.get(axis, slice(None)) for axis in axes)])
    except Exception as error:  # codecs fail in any way at damaged chunks
        raise InputError(
            f"{path}: cannot be read ({type(error).__name__}: {error}); copy or export it again."
        ) from error
    order = [axes.index(axis) for axis in "zc" if axis in axes]
    rest = [place for place, axis in enumerate(axes) if axis not in "zcyx"]
    moved = values.transpose(*rest, *order, axes.index("y"), axes.index("x"))
    depth = len(slices) if "z" in axes else 1
    return np.ascontiguousarray(moved.reshape(depth, -1, *moved.shape[-2:]))


def _images(path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the folder and the metadata of each image: of this one, of a series, or of the wells of a plate."""
    ome = _attributes(path)
    if isinstance(ome.get("multiscales"), list) and ome["multiscales"]:
        yield path, ome
    elif isinstance(ome.get("plate"), dict):
        for well in ome["plate"].get("wells", []):
            folder = _inside(path, path / str(well.get("path", "")))
            for image in _attributes(folder).get("well", {}).get("images", []):
                yield from _images(_inside(path, folder / str(image.get("path", ""))))
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
        attributes = _json(folder / "zarr.json").get("attributes", {})
        found = attributes.get("ome", attributes)
        return found if isinstance(found, dict) else {}
    return _json(folder / ".zattrs") if (folder / ".zattrs").is_file() else {}


def _full_size(path: Path, folder: Path, ome: dict[str, Any]) -> tuple[Path, list[str], dict[str, Any]]:
    """Return folder, axes and metadata of the array of full size.

    Raises:
        InputError: If it is missing, or uses codecs that are not known.
    """
    multiscales = ome["multiscales"][0]
    datasets = multiscales.get("datasets") or [{}]
    array = _inside(path, folder / str(datasets[0].get("path", "")))
    file = next((array / name for name in ("zarr.json", ".zarray") if (array / name).is_file()), None)
    if file is None:
        raise InputError(f"{path}: the array {array.name} is missing; copy the whole folder again.")
    metadata = _json(file)
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
        yield str(codec.get("name", "")).removeprefix("numcodecs.")
        for key in ("codecs", "index_codecs"):
            yield from _codec_names({"codecs": codec.get("configuration", {}).get(key, [])})


def _chunk_shape(metadata: dict[str, Any]) -> list[int]:
    grid = metadata.get("chunk_grid", {}).get("configuration", {}).get("chunk_shape", [])
    shape = [int(side) for side in metadata.get("chunks", grid)]
    if not shape or min(shape) < 1:
        raise ValueError(f"chunks of the shape {shape}")
    return shape


def _json(file: Path) -> dict[str, Any]:
    try:
        content = read_json(file)
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as JSON ({error}); copy the whole folder again.") from error
    if not isinstance(content, dict):
        raise InputError(f"{file}: an object is expected; copy the whole folder again.")
    return content


def _inside(root: Path, folder: Path) -> Path:
    """Return a folder that metadata name; it must lie inside the image."""
    if not folder.resolve().is_relative_to(root.resolve()):
        raise InputError(f"{root}: its metadata name {folder}, outside the image; export it again.")
    return folder
