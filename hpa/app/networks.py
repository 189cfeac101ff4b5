"""A network as its checkpoint says: built from the run's config, filled with the run's weights."""

from __future__ import annotations

from typing import cast

from torch import nn

from hpa.app.parts import build
from hpa.models.saved_run import SavedRun

STARTING_POINTS = {"weights": None, "pretrained": False}
"""Where training started from: neither the file nor the network is needed again, and may be gone."""


def network_of(saved: SavedRun) -> nn.Module:
    """Return the network of a checkpoint in evaluation mode."""
    config = saved.config["model"]
    config = config | {key: value for key, value in STARTING_POINTS.items() if key in config}
    model = build(config, channel_count=len(saved.channels), class_count=len(saved.class_names))
    return saved.load_into(cast("nn.Module", model))
