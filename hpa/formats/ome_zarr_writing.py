"""Images with label maps as OME-Zarr 0.5 (https://ngff.openmicroscopy.org/0.5), for napari, Fiji, OMERO and vizarr.

Written by the package zarr (extra `zarr`): a pyramid of halves, in shards of one plane each, so that an image is some
ten files. Images are halved by the mean, label maps by every second pixel, so that no number appears that is none.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from jaxtyping import Int32, Shaped

from hpa.core.errors import InputError
from hpa.core.field import Field

VERSION = "0.5"
MAX_LAST_PX = 256
"""A plane is halved until its longer side is at most this."""
_CHUNK_PX = 512
_ZSTD_LEVEL = 1
_COLOURS = {"red": "FF0000", "green": "00FF00", "blue": "0000FF", "yellow": "FFFF00"}
Planes = Shaped[np.ndarray, "*channel height width"]
LabelMap = Int32[np.ndarray, "height width"]


def require_zarr() -> None:
    """Do nothing where OME-Zarr can be written.

    Raises:
        InputError: If the package zarr is missing.
    """
    try:
        import zarr  # noqa: F401
    except ImportError as error:
        raise InputError("also=ome_zarr needs the package zarr: pip install 'hpa-cells[zarr]'.") from error


def write_image(folder: Path, field: Field) -> None:
    """Write the planes of a field as a new image.

    Raises:
        InputError: If the package zarr is missing.
    """
    channels = [
        {
            "label": name,
            "color": _COLOURS.get(name, "FFFFFF"),
            "active": True,
            "window": {"min": 0, "max": int(np.iinfo(plane.dtype).max), "start": 0, "end": max(1, int(plane.max()))},
        }
        for name, plane in zip(field.channels, field.pixels, strict=True)
    ]
    _write(folder, field.pixels, field.image_id, field.pixel_um, {"omero": {"channels": channels}}, _halved_image)


def write_labels(
    folder: Path,
    label_maps: Mapping[str, LabelMap],
    pixel_um: float,
    properties: Sequence[Mapping[str, Any]],
    colours: Sequence[Sequence[int]],
) -> None:
    """Write label maps beside the planes of an image.

    Args:
        folder: Of the image.
        label_maps: By name, e.g. cells and nuclei; numbers mean the same in each.
        pixel_um: Side of a pixel.
        properties: What is known of each cell 1..n, plain values.
        colours: Red, green and blue of each, 0 to 255.
    """
    import zarr

    zarr.create_group(
        store=str(folder / "labels"),
        zarr_format=3,
        attributes={"ome": {"version": VERSION, "labels": list(label_maps)}},
    )
    numbered = list(enumerate(zip(properties, colours, strict=True), start=1))
    for name, label_map in label_maps.items():
        label = {
            "source": {"image": "../../"},
            "properties": [{"label-value": number, **values} for number, (values, _) in numbered],
            "colors": [{"label-value": number, "rgba": [*colour, 255]} for number, (_, colour) in numbered],
        }
        kept = {key: value for key, value in label.items() if value}  # an image without cells has neither
        _write(folder / "labels" / name, label_map, name, pixel_um, {"image-label": kept}, _halved_labels)


def _write(
    folder: Path, planes: Planes, name: str, pixel_um: float, attributes: Mapping[str, Any], halved: Any
) -> None:
    import zarr
    from zarr.codecs import ZstdCodec

    levels = [planes]
    while max(levels[-1].shape[-2:]) > MAX_LAST_PX:
        levels.append(halved(levels[-1]))
    multiscales = multiscales_of(name, planes.ndim, pixel_um, len(levels))
    ome = {"version": VERSION, "multiscales": [multiscales], **attributes}
    group = zarr.create_group(store=str(folder), zarr_format=3, attributes={"ome": ome})
    for level, pixels in enumerate(levels):
        sides = pixels.shape[-2:]
        chunk = tuple(min(_CHUNK_PX, side) for side in sides)
        shard = tuple(-(-side // part) * part for side, part in zip(sides, chunk, strict=True))
        leading = (1,) * (pixels.ndim - 2)
        array = group.create_array(
            str(level),
            shape=pixels.shape,
            dtype=pixels.dtype,
            chunks=(*leading, *chunk),
            shards=(*leading, *shard),
            compressors=ZstdCodec(level=_ZSTD_LEVEL),
            dimension_names=[axis["name"] for axis in multiscales["axes"]],
        )
        array[...] = pixels


def multiscales_of(name: str, axis_count: int, pixel_um: float, level_count: int) -> dict[str, Any]:
    """Return the metadata of a pyramid of halves; pixels of an unknown size (NaN) have no unit."""
    is_known = math.isfinite(pixel_um)
    axes: list[dict[str, str]] = [{"name": "c", "type": "channel"}] if axis_count == 3 else []
    axes += [{"name": axis, "type": "space"} | ({"unit": "micrometer"} if is_known else {}) for axis in "yx"]
    side = pixel_um if is_known else 1.0
    scales = [[1.0] * (axis_count - 2) + [side * 2**level] * 2 for level in range(level_count)]
    datasets = [
        {"path": str(level), "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        for level, scale in enumerate(scales)
    ]
    return {"name": name, "axes": axes, "datasets": datasets}


def _halved_image(planes: Planes) -> Shaped[np.ndarray, "*channel half_height half_width"]:
    height, width = (max(1, side // 2) for side in planes.shape[-2:])
    even = planes[:, : 2 * height, : 2 * width]  # so that two pixels become one exactly
    return np.stack([cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA) for plane in even])


def _halved_labels(label_map: LabelMap) -> Int32[np.ndarray, "half_height half_width"]:
    height, width = (max(1, side // 2) for side in label_map.shape)
    return label_map[: 2 * height : 2, : 2 * width : 2]
