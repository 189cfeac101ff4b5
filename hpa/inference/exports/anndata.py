"""`also=anndata`: cells as `<submission>.h5ad`, the file of scanpy, squidpy and cellxgene (Virshup et al., 2024, JOSS).

`X` holds the features (cell × feature), `obs` the table of cells, so that `sc.pl.umap(cells, color="Nucleoli")` works,
`obsm["spatial"]` centroids (x, y) in µm as squidpy reads them, `uns["class_names"]` the classes in order. The features
are copied piece by piece: they may be larger than the memory.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32

from hpa.core.errors import InputError
from hpa.core.whole_file import take_name
from hpa.inference.exports.beside import beside
from hpa.inference.exports.cell_parts import CellPart, CellParts
from hpa.inference.exports.cell_rows import feature_name, require_distinct
from hpa.interfaces import CellRecord
from hpa.measurements.cells import CellMeasures

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from anndata import AnnData

SUFFIX = ".h5ad"
_PART_SUFFIX = ".h5ad.parquet"
_DENSE = {"encoding-type": "array", "encoding-version": "0.2.0"}
"""How the file format marks a dense matrix (on-disk format of anndata, since 0.8)."""


class AnndataExport:
    """Writes cells for scanpy.

    Args:
        class_names: Name of each class; comes from the run.
        measurements: What is measured of the cells; None leaves it out.

    Raises:
        InputError: If the package anndata is missing, two columns would have the same name, or one cannot be stored.
    """

    suffix = SUFFIX

    def __init__(self, class_names: Sequence[str], measurements: CellMeasures | None = None) -> None:
        require_anndata()
        require_distinct(class_names)
        slashed = [name for name in class_names if "/" in name]
        if slashed:
            raise InputError(
                f"HDF5 cannot hold columns with a slash in their names, came {', '.join(slashed)}; leave out "
                "also=anndata, or name the classes otherwise in the data set."
            )
        self._class_names = tuple(class_names)
        self._measurements = measurements

    def start(self, block: Path) -> None:
        """Begin the cells of a block."""
        self._part = CellPart(block.with_suffix(_PART_SUFFIX), self._class_names, self._measurements)

    def add(self, record: CellRecord) -> None:
        """Take the cells of one image."""
        self._part.add(record)

    def finish(self) -> None:
        """Complete the cells of the block."""
        self._part.finish()

    def join(self, blocks: Sequence[Path], out: Path) -> None:
        """Write the cells of all blocks, whole or not at all."""
        parts = CellParts([block.with_suffix(_PART_SUFFIX) for block in blocks], self._class_names, self._measurements)
        result = beside(out, SUFFIX)
        part = result.with_name(f".{result.name}.part")  # beside its place: renaming is atomic within a folder only
        try:
            self._write_all_but_features(part, parts)
            _write_features(part, parts)
            take_name(part, result)
        finally:
            part.unlink(missing_ok=True)

    def _write_all_but_features(self, path: Path, parts: CellParts) -> None:
        """Write everything but the features."""
        names = [feature_name(index) for index in range(parts.feature_count)]
        cells_as_anndata(parts.without_features(), names, self._class_names).write_h5ad(path)


def cells_as_anndata(
    table: pa.Table,
    feature_names: list[str],
    class_names: Sequence[str],
    features: Float32[np.ndarray, "cell feature"] | None = None,
) -> AnnData:
    """Return the table of cells as `obs`, their places as `obsm`, and their features, where they are given, as `X`.

    Raises:
        InputError: If the package anndata is missing.
    """
    require_anndata()
    # here: nobody else needs the package
    import pandas as pd
    from anndata import AnnData

    observed = _observations(table)
    pixel_um = observed["pixel_um"].to_numpy()
    x_um, y_um = observed["centroid_x_px"].to_numpy() * pixel_um, observed["centroid_y_px"].to_numpy() * pixel_um
    return AnnData(
        X=features,
        obs=observed,
        var=pd.DataFrame(index=pd.Index(feature_names, dtype=object)),
        obsm={"spatial": np.stack([x_um, y_um], axis=1)},
        uns={"class_names": np.array(class_names, dtype=object)},
    )


def require_anndata() -> None:
    """Raise InputError if the package anndata is missing."""
    if find_spec("anndata") is None:
        raise InputError("also=anndata needs the package anndata; install it with: pip install 'hpa-cells[anndata]'.")


def _observations(cells: pa.Table) -> pd.DataFrame:
    """Return the table of cells, named `<image>_<cell>`; images as categories, as squidpy's `library_key` expects."""
    import pandas as pd

    table = cells.to_pandas()
    # texts as objects: anndata 0.12 cannot write the strings of pandas 3
    images = table["image"].astype(object)
    names = [f"{image}_{cell}" for image, cell in zip(images, table["cell"], strict=True)]
    return table.assign(image=pd.Categorical(images)).set_index(pd.Index(names, dtype=object, name="name"))


def _write_features(path: Path, parts: CellParts) -> None:
    """Add the features, piece by piece, and make the file safe on disk."""
    import h5py

    with h5py.File(path, "r+") as file:
        file.pop("X", None)
        count = len(file["obs/name"])
        matrix = file.create_dataset("X", (count, parts.feature_count), np.float32)
        matrix.attrs.update(_DENSE)
        start = 0
        for table in parts.tables():
            columns = table.columns[len(table.columns) - parts.feature_count :]
            stop = start + len(table)
            matrix[start:stop] = np.array([column.to_numpy() for column in columns]).T
            start = stop
    with path.open("rb") as written:
        os.fsync(written.fileno())
