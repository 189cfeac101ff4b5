"""More data sets beside the first (`data.extra`), and images that belong together (`data.group`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from hpa.core.errors import InputError
from hpa.core.image_table import ImageTable

_SHOWN = 3


def merged_tables(first: ImageTable, others: Mapping[str, ImageTable]) -> tuple[ImageTable, dict[str, str]]:
    """Return one table of several data sets, and which of the others each further image is from.

    Args:
        first: Of the first set.
        others: Of the others, by name.

    Raises:
        InputError: If an image id stands in two sets, or the classes differ.
    """
    owner: dict[str, str] = {}
    known = set(first.image_ids)
    for name, table in others.items():
        if table.class_names != first.class_names:
            raise InputError(
                f"data.extra: {name} has other classes than {first.where}; sets that are joined share them."
            )
        if doubled := [image_id for image_id in table.image_ids if image_id in known]:
            raise InputError(
                f"data.extra: {len(doubled)} images of {name} have the id of an image of another set: "
                f"{', '.join(doubled[:_SHOWN])}; rename them."
            )
        known |= set(table.image_ids)
        owner |= dict.fromkeys(table.image_ids, name)
    tables = [first, *others.values()]
    joined = replace(
        first,
        frame=pd.concat([table.frame for table in tables], ignore_index=True),
        where=" and ".join(table.where for table in tables),
        problems=tuple(problem for table in tables for problem in table.problems),
        warnings=tuple(warning for table in tables for warning in table.warnings),
    )
    return joined, owner


def grouped_by(table: ImageTable, column: str) -> ImageTable:
    """Return the table with the groups of a column, which no fold separates; an image without a value is one itself.

    Raises:
        InputError: If there is no such column.
    """
    if column not in table.frame.columns:
        raise InputError(
            f"data.group={column}: data.metadata has no such column; it has "
            f"{', '.join(table.frame.columns.drop('image_id'))}."
        )
    values: Any = table.frame[column]
    has_value = values.notna() & (values.astype(str).str.strip() != "")
    groups = table.frame["group"].where(~has_value, column + " " + values.astype(str))
    return replace(table, frame=table.frame.assign(group=groups))
