"""Stopping early."""

from __future__ import annotations

from typing import Any

from pytorch_lightning.callbacks import EarlyStopping


class Patience(EarlyStopping):
    """Stops after some epochs without a better score; a resumed run uses its own patience, not the checkpoint's."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on counting."""
        super().load_state_dict(state_dict | {"patience": self.patience})
