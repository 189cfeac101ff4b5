"""How a run keeps to its time: it estimates what the rest will take, falls back to cheaper predictors, stops in time.

Time is that of a monotonic clock, so a system clock that jumps does no harm.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hpa.core.errors import InputError

AS_CONFIGURED = "as configured"
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fallback:
    """A way to predict images; a run has one or several, the later ones cheaper. The steps call the predictor."""

    name: str
    predictor: Any


@dataclass(frozen=True)
class Budget:
    """The time a run may take.

    Attributes:
        hours: From the start of the command; None for no limit.
        reserve_share: Share of it kept for what cannot be foreseen and for putting the submission together.
        stops: Whether images that no time is left for stay blank; else the run only warns that it is late.

    Raises:
        InputError: If the hours are not positive, or the share is not in [0, 1).
    """

    hours: float | int | None
    reserve_share: float | int
    stops: bool

    def __post_init__(self) -> None:
        is_number = isinstance(self.hours, (float, int))
        if self.hours is not None and not (is_number and math.isfinite(self.hours) and self.hours > 0):
            raise InputError(f"budget_hours={self.hours}: hours above 0 are expected, or null for no limit.")
        if not 0 <= self.reserve_share < 1:
            raise InputError(f"budget_reserve_share={self.reserve_share}: a share from 0 to below 1 is expected.")

    def left_s(self, elapsed_s: float) -> float:
        """Return the seconds left for images; infinite without a limit."""
        return math.inf if self.hours is None else self.hours * 3600 * (1 - self.reserve_share) - elapsed_s

    def fits(self, images: int, seconds_an_image: float, elapsed_s: float) -> bool:
        """Return whether images can be done in the time that is left; none always can."""
        return not images or images * seconds_an_image <= self.left_s(elapsed_s)


@dataclass
class _Pace:
    """Seconds an image, measured from the end of the first group on, which warms up networks and caches."""

    began_s: float
    images: int = 0
    warm_since_s: float | None = None
    warm_images: int = 0

    def add(self, images: int, now_s: float) -> None:
        """Count a group that is done."""
        self.images += images
        if self.warm_since_s is None:
            self.warm_since_s = now_s
        else:
            self.warm_images += images

    def seconds_an_image(self, now_s: float) -> float:
        """Return the pace; 0 where nothing was done yet."""
        if self.warm_images and self.warm_since_s is not None:
            return (now_s - self.warm_since_s) / self.warm_images
        return (now_s - self.began_s) / self.images if self.images else 0.0


class Timekeeper:
    """Decides, from the time of what is done, how the next images are predicted and whether they are at all.

    Args:
        budget: The time there is.
        fallbacks: From the richest to the cheapest; a step is taken at the border of two blocks, never back.
        images: How many are to be done.
        seconds: Gives the seconds spent in each stage so far, for the message.
        started_s: When the command began, by `clock`.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        budget: Budget,
        fallbacks: Sequence[Fallback],
        images: int,
        seconds: Callable[[], Mapping[str, float]],
        started_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._budget = budget
        self._fallbacks = tuple(fallbacks)
        self._images = self._left = images
        self._seconds = seconds
        self._started_s = started_s
        self._clock = clock
        self._step = 0
        self._pace = _Pace(clock())
        self._is_announced = False
        self._is_over = False

    def fallback(self) -> Fallback:
        """Return how the next block is predicted; called once a block."""
        now = self._clock()
        pace = self._pace.seconds_an_image(now)
        is_known = self._pace.warm_images > 0
        is_late = is_known and not self._budget.fits(self._left, pace, now - self._started_s)
        if is_known and self._left and not self._is_announced:
            self._is_announced = True
            self._announce(pace, now, is_late)
        if is_late and self._step + 1 < len(self._fallbacks):
            self._step += 1
            self._pace, self._is_announced = _Pace(now), False
            _logger.warning("late: going on %s", self._fallbacks[self._step].name)
        return self._fallbacks[self._step]

    def may_start(self, images: int) -> bool:
        """Return whether a group of images may be begun; once there is no time, there is none for any later one."""
        now = self._clock()
        pace = self._pace.seconds_an_image(now)
        if self._budget.stops and not self._is_over and not self._budget.fits(images, pace, now - self._started_s):
            self._is_over = True
            _logger.warning("out of time: %d images stay blank", self._left)
        return not self._is_over

    def done(self, images: int) -> None:
        """Note that a group is done."""
        self._left -= images
        self._pace.add(images, self._clock())

    def _announce(self, pace: float, now: float, is_late: bool) -> None:
        """Log what the rest will take, stage by stage."""
        budget = self._budget.left_s(now - self._started_s)
        stages = {name: value for name, value in self._seconds().items() if name != "total"}
        in_stages = ", ".join(f"{name} {value / (self._images - self._left):.3g}" for name, value in stages.items())
        _logger.log(
            logging.WARNING if is_late else logging.INFO,
            "%d images take about %s more (%.3g s an image; seconds of each stage, summed over threads: %s)%s",
            self._left,
            in_words(self._left * pace),
            pace,
            in_stages,
            "" if math.isinf(budget) else f"; {in_words(max(0.0, budget))} of the budget are left",
        )


def in_words(seconds: float) -> str:
    """Return a duration in the unit that suits it.

    >>> [in_words(value) for value in (12.4, 90.0, 9000.0)]
    ['12 s', '1.5 min', '2.5 h']
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
