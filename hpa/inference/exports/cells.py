"""`also=cells`: one row a cell in `<submission>.cells.parquet`, for pandas, R, DuckDB and the like.

Columns: image, cell (its number in the label map), box, area, edge contact, centroid; measurements (`CellMeasures`);
the probability of each class under the name of the class; what stands in the submission under `confidence_<class>`;
features `f_000` and on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpa.core.whole_file import whole_file
from hpa.inference.exports.beside import beside
from hpa.inference.exports.cell_parts import CellPart, CellParts
from hpa.inference.exports.cell_rows import require_distinct
from hpa.interfaces import CellRecord
from hpa.measurements.cells import CellMeasures

SUFFIX = ".cells.parquet"


class CellsExport:
    """Writes the table of cells.

    Args:
        class_names: Name of each class; comes from the run.
        measurements: What is measured of the cells; None leaves it out.

    Raises:
        InputError: If two columns would have the same name.
    """

    suffix = SUFFIX

    def __init__(self, class_names: Sequence[str], measurements: CellMeasures | None = None) -> None:
        require_distinct(class_names)
        self._class_names = tuple(class_names)
        self._measurements = measurements

    def start(self, block: Path) -> None:
        """Begin the table of a block."""
        self._part = CellPart(block.with_suffix(SUFFIX), self._class_names, self._measurements)

    def add(self, record: CellRecord) -> None:
        """Take the cells of one image."""
        self._part.add(record)

    def finish(self) -> None:
        """Complete the table of the block."""
        self._part.finish()

    def join(self, blocks: Sequence[Path], out: Path) -> None:
        """Write the table of all blocks, whole or not at all.

        Raises:
            DiskFullError: If the disk is full.
        """
        parts = CellParts([block.with_suffix(SUFFIX) for block in blocks], self._class_names, self._measurements)
        with whole_file(beside(out, SUFFIX)) as file:
            parts.write(file)
