"""The four stains of a Human Protein Atlas field, in the order in which arrays hold them."""

from __future__ import annotations

CHANNELS: tuple[str, ...] = ("red", "green", "blue", "yellow")
STAIN_OF_CHANNEL: dict[str, str] = {
    "red": "microtubules",
    "green": "protein of interest",
    "blue": "nucleus",
    "yellow": "endoplasmic reticulum",
}
PROTEIN_CHANNEL = "green"
HPA_FIELD_WIDTH_UM = 163.84
"""Width of a field: 2048 px of 0.08 µm; larger and smaller images of the Atlas show about the same area."""


def union_of_channels(channels: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Return the channels, followed by those of `more` that are not among them.

    >>> union_of_channels(("green",), ("blue", "green"))
    ('green', 'blue')
    """
    return channels + tuple(channel for channel in more if channel not in channels)
