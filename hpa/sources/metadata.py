"""Metadata of images beside their labels (cell line, organ, plate, …), merged into a table by image id."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hpa.core.errors import Problem
from hpa.core.image_table import ImageTable
from hpa.formats.csv_rows import ROW, read_rows
from hpa.sources.row_checks import free_names

_SHOWN = 5


def merge_metadata(table: ImageTable, path: Path, id_column: str = "ID") -> ImageTable:
    """Return the table with the columns of a CSV or TSV file, NaN where an image is not listed.

    Rows of other images are left out. Ids that stand twice become problems, images that are not listed one warning.

    Columns of names that the table has already get the prefix `metadata_`.

    Raises:
        InputError: If the file cannot be read.
    """
    rows = read_rows(path, (id_column,)).drop(columns=ROW)
    further = [name for name in rows.columns if name != id_column]
    rows = rows.rename(columns=free_names(further, table.frame.columns, "metadata") | {id_column: "image_id"})
    doubled = rows.loc[rows["image_id"].duplicated(), "image_id"].unique()
    problems = [Problem(path.name, f"{image_id} stands twice; keep one row of it") for image_id in doubled]
    listed = set(rows["image_id"])
    missing = [image_id for image_id in table.image_ids if image_id not in listed]
    warnings = []
    if missing:
        shown = ", ".join(missing[:_SHOWN]) + (", …" if len(missing) > _SHOWN else "")
        warnings = [Problem(path.name, f"{len(missing)} of {len(table)} images are not listed (left empty): {shown}")]
    return replace(
        table,
        frame=table.frame.merge(rows.drop_duplicates("image_id"), on="image_id", how="left"),
        problems=(*table.problems, *problems),
        warnings=(*table.warnings, *warnings),
    )
