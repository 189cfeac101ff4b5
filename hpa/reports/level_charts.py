"""Histograms of the levels of channels, as small charts with logarithmic shares of pixels."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from hpa.reports.charts import Frame, Line, LineChart, path_of

_MIN_SHARE = 1e-6
_LEVELS = (0.0, 0.01, 0.04, 0.16, 0.36, 0.64, 1.0)
"""Ticks: squares, as bins grow with the square root of the level."""
_POWERS = (-6.0, -4.0, -2.0, 0.0)
_FRAME = Frame(320, 190, left=58, top=8, right=10, bottom=38, x_span=(0.0, 1.0), y_span=(-6.0, 0.0))


def level_chart(channel: str, share: Float64[np.ndarray, " bin"]) -> LineChart:
    """Return the histogram of a channel.

    Args:
        channel: Its name.
        share: Share of the pixels in bins that begin at (k / bins)² of the range.
    """
    filled = np.flatnonzero(share > _MIN_SHARE)  # a bin that is narrower than a level is empty
    place = (filled + 0.5) / len(share)
    high = 100 * float(((filled[-1] + 1) / len(share)) ** 2) if len(filled) else 0.0
    return LineChart(
        channel,
        f"Histogram of channel {channel}: levels up to {high:.0f} % of the range",
        _FRAME,
        "level, % of the range",
        tuple((_FRAME.x(level**0.5), f"{100 * level:g}") for level in _LEVELS),
        tuple((_FRAME.y(power), f"{100 * 10.0**power:g} %") for power in _POWERS),
        (Line("", "first", path_of(_FRAME, place, np.log10(share[filled]))),),
    )
