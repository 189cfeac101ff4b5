"""Formats of microscope makers (.nd2, .czi, .lif) through BioIO, which is an optional extra."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any

from hpa.core.errors import InputError
from hpa.formats.microscope_files import MicroscopeFile, named_planes

EXTRA = 'pip install "hpa-cells[microscopes]"'


def read_proprietary_file(path: Path) -> MicroscopeFile:
    """Read the first scene of a file.

    Raises:
        InputError: If the extra is not installed, the file is broken, or it is a stack.
    """
    try:
        bioio: Any = importlib.import_module("bioio")
    except ImportError as error:
        raise InputError(
            f"{path}: {path.suffix} files need an optional reader: {EXTRA}; or export them as OME-TIFF."
        ) from error
    try:
        image = bioio.BioImage(path)
        pixels, names = image.get_image_data("TCZYX"), [str(name) for name in image.channel_names or []]
        side_um = image.physical_pixel_sizes.X
    except Exception as error:  # makers' readers fail in any way, also where the one for this format is missing
        raise InputError(
            f"{path}: BioIO cannot read it ({type(error).__name__}: {str(error)[:200]}); {EXTRA} brings the "
            "readers, or export it as OME-TIFF."
        ) from error
    return named_planes(path, pixels, "TCZYX", names, math.nan if side_um is None else float(side_um))
