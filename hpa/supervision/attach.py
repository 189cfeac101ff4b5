"""Hands the network to the parts of a strategy that need it: teachers copied from it, pools of its widths."""

from __future__ import annotations

from torch import nn

from hpa.interfaces import Attachable, CellModel


def attach_to(supervision: nn.Module, model: CellModel) -> None:
    """Complete every part of a strategy, however deep it is nested, that asks for the network."""
    for part in list(supervision.modules()):  # listed first: attaching adds modules
        if isinstance(part, Attachable):
            part.attach(model)
