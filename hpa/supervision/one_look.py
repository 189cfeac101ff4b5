"""One look at a batch, shared by several strategies: the network is asked once, whoever asks."""

from __future__ import annotations

from typing import Any

from torch import nn


class OneLook(nn.Module):
    """The network, remembering what it said of the batch it saw last.

    Args:
        model: The network.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model
        self.training = model.training
        self._seen: tuple[Any, Any] | None = None

    def forward(self, batch: Any) -> Any:
        """Return what the network says of a batch."""
        if self._seen is None or self._seen[0] is not batch:
            self._seen = (batch, self.model(batch))
        return self._seen[1]
