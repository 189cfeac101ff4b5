"""Strategies made of others: several at once, weighted (`mixed`), or one after another (`warm_started`).

Mixed: a few annotated cells show what a class looks like, many labelled images how varied it is (Papandreou, Chen,
Murphy and Yuille, 2015, arXiv:1502.02734, weak and strong labels together). Warm-started: bag losses train the cells
that the pool prefers, and an untrained network prefers at random, so they are slow at first; begun with the labels of
the bag copied to its members (as mi-SVM begins: Andrews, Tsochantaridis and Hofmann, NIPS 2002) they are not, at the
same total number of epochs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

from torch import nn

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, StepResult, Supervision, Unit


class SharedForward(nn.Module):
    """A network that runs forward once for each batch, whichever of several strategies calls it.

    Args:
        model: The network.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.training = model.training
        self._last: tuple[Any, Any] | None = None

    def forward(self, batch: Any) -> Any:
        """Return the network's output for a batch."""
        if self._last is None or self._last[0] is not batch:
            self._last = (batch, self.model(batch))
        return self._last[1]


class MixedSupervision(nn.Module, Supervision):
    """Terms of named strategies, each times its weight, named `<part>_<term>`; they share one forward pass.

    Args:
        parts: The strategies, by name.
        weights: Their weights by the same names, finite and 0 or more.

    Raises:
        InputError: If names differ or a weight is out of its range.
    """

    def __init__(self, parts: Mapping[str, Supervision], weights: Mapping[str, float]) -> None:
        super().__init__()
        if parts.keys() != weights.keys() or not parts:
            raise InputError(
                f"supervision.parts has {', '.join(parts)}, supervision.weights {', '.join(weights)}; "
                "give one weight to each part."
            )
        if not all(math.isfinite(weight) and weight >= 0 for weight in weights.values()):
            raise InputError(f"supervision.weights must be finite and 0 or more, not {dict(weights)}.")
        self.parts = nn.ModuleDict(cast("dict[str, nn.Module]", dict(parts)))
        self.weights = dict(weights)

    @property
    def unit(self) -> Unit:
        """Whole images where a part needs them, else cells."""
        return "image" if any(part.unit == "image" for part in self._strategies().values()) else "cell"

    @property
    def teacher_runs(self) -> tuple[str, ...]:
        """Those of all parts."""
        return tuple(run for part in self._strategies().values() for run in part.teacher_runs)

    def step(self, model: nn.Module, batch: CellBatch, progress: float) -> StepResult:
        """Return the terms of all parts, and the output of the shared forward pass."""
        shared = SharedForward(model)
        results = {name: part.step(shared, batch, progress) for name, part in self._strategies().items()}
        terms = {
            f"{name}_{term}": self.weights[name] * value
            for name, result in results.items()
            for term, value in result.terms.items()
        }
        return StepResult(terms, next(iter(results.values())).output)

    def _strategies(self) -> dict[str, Supervision]:
        return cast("dict[str, Supervision]", dict(self.parts.items()))


class WarmStartedSupervision(nn.Module, Supervision):
    """The terms of one strategy for a share of the training, then those of another.

    Args:
        start: The first strategy.
        then: The one that follows; its state begins when it takes over.
        start_share: Share of the training that the first one has, in (0, 1).

    Raises:
        InputError: If the share is out of its range.
    """

    def __init__(self, start: Supervision, then: Supervision, start_share: float) -> None:
        super().__init__()
        if not 0 < start_share < 1:
            raise InputError(
                f"supervision.start_share must lie between 0 and 1, not {start_share}; for one strategy during all of "
                "the training, choose it alone."
            )
        self.start = cast("nn.Module", start)
        self.then = cast("nn.Module", then)
        self.start_share = start_share

    @property
    def unit(self) -> Unit:
        """Whole images where either needs them, else cells."""
        return "image" if "image" in (self._strategy(0.0).unit, self._strategy(1.0).unit) else "cell"

    @property
    def image_batches_from(self) -> float:
        """The share at which the second one takes over, unless the first needs whole images too."""
        return self.start_share if self._strategy(0.0).unit == "cell" else 0.0

    @property
    def teacher_runs(self) -> tuple[str, ...]:
        """Those of both."""
        return (*self._strategy(0.0).teacher_runs, *self._strategy(1.0).teacher_runs)

    def step(self, model: nn.Module, batch: CellBatch, progress: float) -> StepResult:
        """Return the step of the current strategy, whose own progress runs from 0 to 1."""
        first, share = progress < self.start_share, self.start_share
        own = progress / share if first else (progress - share) / (1 - share)
        return self._strategy(progress).step(model, batch, own)

    def _strategy(self, progress: float) -> Supervision:
        return cast("Supervision", self.start if progress < self.start_share else self.then)
