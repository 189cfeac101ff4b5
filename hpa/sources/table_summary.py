"""What a data set will be read as, in one line for the log of a training or a prediction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from hpa.core.image_table import ImageTable


def summary_of_table(table: ImageTable, channels: Sequence[str]) -> str:
    """Return number, channels, sizes, depth and pixel sizes of the images of a table."""
    frame = table.frame
    sizes = Counter(f"{width}×{height} px" for width, height in zip(frame["width"], frame["height"], strict=True))
    bits = Counter(f"{value} bit" for value in frame["bits"])
    pixel_um = frame["pixel_um"].to_numpy(float)
    known = pixel_um[np.isfinite(pixel_um)]
    if not len(known):
        pixels = "pixel size unknown"
    elif known.min() == known.max():
        pixels = f"pixels of {known.min():.4g} µm"
    else:
        pixels = f"pixels of {known.min():.4g} to {known.max():.4g} µm"
    if 0 < len(known) < len(frame):
        pixels += f" ({len(frame) - len(known)} unknown)"
    listed = "; ".join([_most_common(sizes), _most_common(bits), pixels])
    return f"{table.where}: {len(table)} images of {', '.join(channels)}; {listed}; classes {_classes(table)}"


def _most_common(counts: Counter[str], shown: int = 3) -> str:
    if len(counts) == 1:
        return next(iter(counts))
    named = ", ".join(f"{count} of {name}" for name, count in counts.most_common(shown))
    return named + (f", {len(counts) - shown} more kinds" if len(counts) > shown else "")


def _classes(table: ImageTable, shown: int = 6) -> str:
    named = ", ".join(table.class_names[:shown])
    return f"{named}, … ({len(table.class_names)})" if len(table.class_names) > shown else named or "none"
