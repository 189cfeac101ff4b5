"""Formats of microscope makers (.nd2, .czi, .lif) through BioIO, which is an optional extra."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from hpa.core.errors import InputError
from hpa.formats.image_header import ImageHeader, Scene, check_size, numbered
from hpa.formats.pixel_size import size_um

SUFFIXES = (".nd2", ".czi", ".lif")
EXTRA = 'pip install "hpa-cells[microscopes]"'

CONVERTED = {
    **dict.fromkeys((".vsi", ".oib", ".oif", ".oir"), "Olympus"),
    **dict.fromkeys((".dv", ".r3d"), "DeltaVision"),
    **dict.fromkeys((".lof", ".xlef", ".xlif", ".scn"), "Leica"),
    **dict.fromkeys((".flex",), "Opera"),
    **dict.fromkeys((".ims",), "Imaris"),
    **dict.fromkeys((".zvi",), "Zeiss AxioVision"),
    **dict.fromkeys((".sld", ".sldy"), "SlideBook"),
    **dict.fromkeys((".c01",), "Cellomics"),
    **dict.fromkeys((".mvd2",), "Volocity"),
    **dict.fromkeys((".mrxs",), "3DHISTECH"),
    **dict.fromkeys((".ndpi",), "Hamamatsu"),
    **dict.fromkeys((".svs",), "Aperio"),
    **dict.fromkeys((".bif",), "Ventana"),
    **dict.fromkeys((".qptiff",), "Akoya"),
    **dict.fromkeys((".ics", ".ids"), "ICS"),
    **dict.fromkeys((".mrc",), "electron microscopes"),
}
"""Makers of formats that nothing here reads, and Bio-Formats does."""
STARTS = {
    b"ZISRAWFI": "a .czi file of Zeiss",
    b"\xda\xce\xbe\x0a": "an .nd2 file of Nikon",
    b"\x70\0\0\0": "a .lif file of Leica",
    b"\x89HDF": "an HDF5 file, as .ims of Imaris",
    b"\xd0\xcf\x11\xe0": "an .oib or .zvi file of Olympus or Zeiss",
    b"OLYMPUSR": "an .oir file of Olympus",
}
"""First bytes of makers' files, whatever they are called."""
CONVERSION = "save as OME-TIFF with Fiji (Plugins > Bio-Formats) or bfconvert"


def inspect_proprietary(path: Path) -> ImageHeader:
    """Return what BioIO says of a file.

    Raises:
        InputError: If the extra is not installed, or the file is broken.
    """
    image = _opened(path)
    try:
        scenes = [_scene(image, index) for index in range(len(image.scenes))]
    except Exception as error:  # makers' readers fail in any way
        raise _unreadable(path, error) from error
    return ImageHeader(path, path.suffix.removeprefix(".").upper(), tuple(scenes))


def read_proprietary(
    path: Path, scene: int, time: int, slices: range
) -> Shaped[np.ndarray, "slice channel height width"]:
    """Return planes of a scene.

    Raises:
        InputError: As `inspect_proprietary`.
    """
    image = _opened(path)
    try:
        image.set_scene(scene)
        size = image.dims
        check_size(path, len(slices) * size.C * size.Y * size.X)
        return np.asarray(image.get_image_data("ZCYX", T=time, Z=list(slices)))
    except InputError:
        raise
    except Exception as error:
        raise _unreadable(path, error) from error


def _opened(path: Path) -> Any:
    try:
        bioio: Any = importlib.import_module("bioio")
    except ImportError as error:
        raise InputError(
            f"{path}: {path.suffix} files need an optional reader: {EXTRA}; or export them as OME-TIFF."
        ) from error
    try:
        return bioio.BioImage(path)
    except Exception as error:  # also where the reader for this format is missing
        raise _unreadable(path, error) from error


def _scene(image: Any, index: int) -> Scene:
    image.set_scene(index)
    size, sides = image.dims, image.physical_pixel_sizes
    dtype = np.dtype(image.dtype)
    return Scene(
        height=int(size.Y),
        width=int(size.X),
        channel_names=numbered([str(name) for name in image.channel_names or []], int(size.C)),
        dtype=dtype.name,
        bits=8 * dtype.itemsize,
        pixel_um=size_um(sides.Y or math.nan, sides.X or math.nan, "um"),
        slices=int(size.Z),
        times=int(size.T),
        name=str(image.scenes[index]),
    )


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(
        f"{path}: BioIO cannot read it ({type(error).__name__}: {str(error)[:200]}); {EXTRA} brings the readers, or "
        "export it as OME-TIFF."
    )
