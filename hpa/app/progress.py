"""The bar that a person sees while data are prepared or fields go through."""

from __future__ import annotations

import sys
from typing import Any

from tqdm import tqdm


def show_progress(what: str, unit: str = "field") -> Any:
    """Return a callback (done, total) that draws a bar."""
    bar: tqdm[Any] = tqdm(unit=unit, desc=what, leave=False, disable=not sys.stderr.isatty())

    def show(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)
        if done == total:
            bar.close()

    return show
