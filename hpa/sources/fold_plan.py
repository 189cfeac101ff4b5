"""Which images are held out (`folds`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hpa.core.errors import InputError


@dataclass(frozen=True)
class FoldPlan:
    """Which images are held out.

    Attributes:
        count: Number of folds.
        held_out: The fold that validates.
        seed: Seed of the assignment; runs of one ensemble share it.
        find_duplicates: Whether exact and near duplicates are searched, so that they share a fold.
    """

    count: int
    held_out: int
    seed: int
    find_duplicates: bool

    def __post_init__(self) -> None:
        if not 0 <= self.held_out < self.count or self.count < 2:
            raise InputError(
                f"folds need count >= 2 and 0 <= held_out < count; came count={self.count}, held_out={self.held_out}."
            )

    def require_groups(self, groups: Sequence[str], where: str) -> None:
        """Do nothing where every fold can have a group of images.

        Args:
            groups: Of each image.
            where: The data set, for the message.

        Raises:
            InputError: If there are fewer groups than folds.
        """
        count = len(set(groups))
        if count >= self.count:
            return
        advice = f"write folds.count={max(2, count // 2)}, or give more images" if count > 1 else "give more images"
        raise InputError(
            f"folds.count={self.count}: {where} has {count} groups of images, and every fold needs one; {advice}."
        )
