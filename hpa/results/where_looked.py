"""Pictures of where the network of a run looked, cell by cell, for the explorer."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from hpa.core.errors import InputError
from hpa.reports.facts import RunFacts
from hpa.reports.looked_at import looked_at
from hpa.results.run_facts import run_facts


class WhereLooked:
    """Draws held-out cells of a run; its network is read with the first picture.

    Args:
        folder: The run; None where cells come from a file, which holds no network.
        overrides: Values of its config that are others now, e.g. `data.root=DIR`.
    """

    def __init__(self, folder: Path | None, overrides: Sequence[str]) -> None:
        self._folder, self._overrides = folder, overrides
        self._lock = threading.Lock()

    def picture(self, row: int, class_index: int) -> UInt8[np.ndarray, "side side 3"]:
        """Return the crop of a cell in grey, and in colours the places that support a class.

        Args:
            row: Of the held-out cells.
            class_index: Number of the class.

        Raises:
            InputError: If there is no network, or one without such maps.
        """
        if self._folder is None:
            raise InputError("This file holds no network. hpa explore RUN shows where the network of a run looked.")
        with self._lock:
            pictures = looked_at(self._facts, np.array([row], np.int64), np.array([class_index], np.int64))
        if pictures is None:
            raise InputError(
                "This network gives no map of a cell: it reads whole images, or its last maps have a single place."
            )
        return pictures[0]

    @cached_property
    def _facts(self) -> RunFacts:
        return run_facts(self._folder or Path(), self._overrides)
