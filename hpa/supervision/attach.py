"""Hands the network to the parts of a strategy that need it: teachers copied from it, pools of its widths."""

from __future__ import annotations

from typing import Any

from torch import nn

from hpa.interfaces import Attachable


def attach_to(supervision: nn.Module, model: Any) -> None:
    """Complete every part of a strategy, however deep it is nested, that asks for the network of its kind."""
    for part in list(supervision.modules()):  # listed first: attaching adds modules
        if isinstance(part, Attachable):
            part.attach(model)
