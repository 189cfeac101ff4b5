"""The scores of a run's epochs (`metrics.csv`), read back: the file may be cut, edited, or a stranger's."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from hpa.core.errors import InputError
from hpa.core.file_names import require_data

METRICS = "metrics.csv"


def read_metrics(file: Path, key: str = "epoch") -> pd.DataFrame:
    """Return the scores, one row an epoch (or another key): numbers by name.

    Raises:
        InputError: If the file is missing, damaged, or holds anything but numbers.
    """
    require_data(file)
    try:
        table = pd.read_csv(file, dtype=None if key == "epoch" else {key: str})
    except (OSError, ValueError) as error:  # pandas' own errors of damaged text are ValueErrors
        raise _refusal(file, str(error).partition("\n")[0]) from error
    words = [str(name) for name, column in table.items() if column.dtype.kind not in "iuf"]
    words = [name for name in words if name != key or key == "epoch"]
    if words or key not in table or table.empty:
        missing = f"there is no column {key}" if key not in table else "it has no row"
        raise _refusal(file, f"{', '.join(words[:3])} is no number" if words else missing)
    return table


def _refusal(file: Path, reason: str) -> InputError:
    return InputError(
        f"{file}: the scores of a run are expected, a table of numbers ({reason}); put back the file of the "
        "run, or train it again."
    )
