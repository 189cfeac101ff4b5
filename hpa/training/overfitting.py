"""The verdict on a run of debug=overfit: can this network, loss and learning rate learn a handful of examples by heart?

A network that cannot is broken, or its targets contradict each other (Karpathy 2019, "A Recipe for Training Neural
Networks": overfit a single batch first).
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

LEARNED_SHARE = 0.1
"""Share of the first epoch's loss below which the examples count as learned."""
LEARNED_SCORE = 0.99
"""Score on the examples themselves from which they count as learned, where the loss has no zero."""


@dataclass(frozen=True)
class Overfitting:
    """Whether the examples were learned by heart.

    Attributes:
        is_learned: The verdict.
        sentence: The figures, and what to look at where they were not learned.
    """

    is_learned: bool
    sentence: str


def overfitting(history: pd.DataFrame, monitor: str) -> Overfitting:
    """Return the verdict on the rows of `metrics.csv`.

    Args:
        history: One row an epoch.
        monitor: Column of the score on the examples, e.g. `val_image_map`.
    """
    loss = "val_loss" if history["val_loss"].notna().all() else "train_loss"  # a detector has none outside training
    first, last = float(history[loss].iloc[0]), float(history[loss].min())
    score = float(history[monitor].max()) if monitor in history else float("nan")
    gained = score > float(history[monitor].iloc[0]) if monitor in history else False
    is_learned = last <= LEARNED_SHARE * first or (score >= LEARNED_SCORE and gained)
    figures = (
        f"{loss} {first:.4g} -> {last:.4g} in {len(history)} epochs, best {monitor} {score:.3f} on the same examples"
    )
    if is_learned:
        return Overfitting(True, f"overfit: learned by heart ({figures})")
    return Overfitting(
        False,
        f"overfit: NOT learned by heart ({figures}); expected the loss below {LEARNED_SHARE:.0%} of the first epoch's. "
        "Train longer (trainer.max_epochs), change optimizer.learning_rate, or look at model, loss and images.",
    )
