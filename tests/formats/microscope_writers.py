"""Image files as microscopes and other programs write them, made without the readers that are tested."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image


def plane(seed: int, height: int = 24, width: int = 32, dtype: type = np.uint16) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, np.iinfo(dtype).max, (height, width)).astype(dtype)


def ome_set(folder: Path, files: list[str], images: list[list[tuple[int, int]]], *, uuids: bool = True) -> None:
    """Write an OME-TIFF set whose files all carry the same XML.

    Args:
        folder: Where to.
        files: Names of the files.
        images: For each image, file and page of each of its channels.
        uuids: Whether files are named by UUID too, not by file name alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    identity = [f"urn:uuid:00000000-0000-0000-0000-{number:012d}" for number in range(len(files))]
    body = ""
    for number, planes in enumerate(images):
        body += f'<Image ID="Image:{number}" Name="pos{number}"><Pixels ID="Pixels:{number}" DimensionOrder="XYCZT"'
        body += f' Type="uint16" SizeX="32" SizeY="24" SizeC="{len(planes)}" SizeZ="1" SizeT="1">'
        body += "".join(f'<Channel ID="Channel:{number}:{c}" Name="c{c}"/>' for c in range(len(planes)))
        for channel, (file, page) in enumerate(planes):
            body += f'<TiffData IFD="{page}" FirstC="{channel}" PlaneCount="1">'
            body += f'<UUID FileName="{files[file]}">{identity[file] if uuids else ""}</UUID></TiffData>'
        body += "</Pixels></Image>"
    for file, name in enumerate(files):
        own = f' UUID="{identity[file]}"' if uuids else ""
        xml = f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"{own}>{body}</OME>'
        pages = max(page for planes in images for where, page in planes if where == file) + 1
        with tifffile.TiffWriter(folder / name, ome=False) as tiff:
            for page in range(pages):
                text = {"description": xml} if page == 0 else {}
                tiff.write(plane(10 * file + page), photometric="minisblack", metadata=None, **text)


def zarr_image(folder: Path, pixels: np.ndarray, axes: str, version: str = "0.4", **attributes: object) -> Path:
    """Write an OME-Zarr image of one resolution, pixels of 0.5 µm."""
    zarr = pytest.importorskip("zarr", reason='needs pip install "hpa-cells[zarr]"')

    group = zarr.create_group(str(folder), zarr_format=2 if version == "0.4" else 3)
    array = group.create_array("0", shape=pixels.shape, chunks=pixels.shape, dtype=pixels.dtype)
    array[...] = pixels
    kinds = {"t": "time", "c": "channel"}
    described = [
        {"name": axis, "type": kinds.get(axis, "space")} | ({"unit": "micrometer"} if axis in "zyx" else {})
        for axis in axes
    ]
    scale = [0.5 if axis in "yx" else 1.0 for axis in axes]
    multiscales = [
        {
            "axes": described,
            "datasets": [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}],
        }
    ]
    if version == "0.4":
        multiscales[0]["version"] = "0.4"
        group.attrs.update({"multiscales": multiscales, **attributes})
    else:
        group.attrs.update({"ome": {"version": version, "multiscales": multiscales, **attributes}})
    return folder


def palette_tiff(path: Path, grey: np.ndarray) -> None:
    """Write a picture whose pixels are places in a palette that is no ramp."""
    colours = np.random.default_rng(0).permutation(256).astype(np.uint8)
    image = Image.fromarray(grey.astype(np.uint8), mode="P")
    image.putpalette(np.repeat(colours, 3).tobytes())
    image.save(path)
