"""The images of the explorer with their cells: read when they are first shown, the last ones kept."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Int32

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.corrections.table import digest_of_cells
from hpa.results.found_cells import FoundCells

_KEPT = 8


@dataclass(frozen=True)
class ExploredImage:
    """An image with its cells.

    Attributes:
        field: Its pixels.
        cells: Its cells by their numbers.
        digest: Of the cells.
    """

    field: Field
    cells: Int32[np.ndarray, "height width"]
    digest: str


class KeptImages:
    """Reads images.

    Args:
        found: Where they and their cells are.
    """

    def __init__(self, found: FoundCells) -> None:
        self._found = found
        self._kept = lru_cache(_KEPT)(self._read)
        self._reading: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def read(self, image_id: str) -> ExploredImage:
        """Return an image with its cells; where a gallery shows many of its cells at once, it is read once.

        Raises:
            InputError: If the image or its outlines cannot be read.
        """
        with self._reading[image_id]:
            return self._kept(image_id)

    def _read(self, image_id: str) -> ExploredImage:
        cells = self._found.label_map(image_id)
        shown = self._found.read(image_id)
        if cells.shape != shown.pixels.shape[1:]:
            raise InputError(f"{image_id}: its outlines are of another size than the image.")
        return ExploredImage(shown, cells, digest_of_cells(cells))
