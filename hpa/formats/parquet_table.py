"""Tables of parquet files, which a few kilobytes may fill with billions of numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from hpa.core.errors import InputError

CHECKSUMS: dict[str, Any] = {"write_page_checksum": True}
"""Of every writer here: a CRC-32 a page, which the readers verify."""
VERIFIED: dict[str, Any] = {"page_checksum_verification": True}
MAX_VALUES = 1 << 28
"""Rows times columns: 2 GB of numbers; a million cells have 3,000 columns at most."""


def read_parquet(path: Path, what: str, remedy: str) -> pd.DataFrame:
    """Return the table of a file.

    Args:
        path: The file.
        what: What it should be, for the message, e.g. "a table of cells".
        remedy: What to do where it is none.

    Raises:
        InputError: If the file is missing, damaged, or larger than any such table.
    """
    try:
        with pq.ParquetFile(path) as file:
            facts = file.metadata
            values = max(facts.num_rows, 1) * facts.num_columns
            if values > MAX_VALUES or facts.num_rows > MAX_VALUES:
                raise InputError(
                    f"{path}: its header says {facts.num_rows:,} rows of {facts.num_columns:,} columns, {what} has at "
                    f"most {MAX_VALUES:,} values; {remedy}"
                )
        return pd.read_parquet(path, **VERIFIED)
    except InputError:
        raise
    except Exception as error:  # damaged bytes make Arrow, and pandas' own facts in the footer, fail in any way
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise InputError(f"{path}: cannot be read as {what} ({reason}); {remedy}") from error
