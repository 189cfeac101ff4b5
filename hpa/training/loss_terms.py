"""Means of the terms of a loss over an epoch: over the examples of all processes of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from hpa.ranks import gathered


@dataclass
class TermMeans:
    """Collects terms batch by batch; a process may lack terms that others have."""

    _sums: dict[str, Tensor] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def update(self, terms: Mapping[str, Tensor], count: int) -> None:
        """Add the terms of a batch of so many examples."""
        for name, value in terms.items():
            added = value.detach().float() * count
            self._sums[name] = self._sums[name] + added if name in self._sums else added
            self._counts[name] += count

    def take(self) -> dict[str, float]:
        """Return the mean of each term by its name, and start anew; every process calls this."""
        own = {name: (float(total), self._counts[name]) for name, total in self._sums.items()}
        self._sums.clear()
        self._counts.clear()
        pieces = gathered(own)
        names = sorted({name for piece in pieces for name in piece})
        seen = {name: [piece[name] for piece in pieces if name in piece] for name in names}
        return {name: sum(total for total, _ in of) / sum(count for _, count in of) for name, of in seen.items()}
