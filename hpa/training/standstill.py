"""The warning about a run whose monitored score never moved: what it predicts is worth nothing."""

from __future__ import annotations

import pandas as pd


def standstill(history: pd.DataFrame, monitor: str, images: int, held_out: int) -> str:
    """Return a warning where the score that chooses the best epoch stayed at 0 or at its first value, else "".

    Args:
        history: Rows of `metrics.csv`, one an epoch.
        monitor: Column of the score, e.g. `val_image_f1`.
        images: Images that train.
        held_out: Images that the score is of.
    """
    scores = history[monitor].dropna() if monitor in history else pd.Series(dtype=float)
    if scores.empty or monitor.endswith("loss"):
        return ""
    if scores.max() > 0 and (len(scores) == 1 or scores.nunique() > 1 or scores.max() >= 1):
        return ""
    stayed = f"{monitor} stayed at {scores.max():.4f} in all {len(scores)} epochs"
    return (
        f"{stayed}: the network has learned nothing that shows on the {held_out} held-out images, and its predictions "
        f"are not to be used. {images} images train it; give more images, or train longer "
        f"(trainer.max_epochs={4 * len(scores)})."
    )
