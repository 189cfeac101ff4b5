"""The four stains of a Human Protein Atlas field, in the order in which arrays hold them."""

from __future__ import annotations

from collections.abc import Sequence

from hpa.core.errors import InputError, MissingChannelError

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


def checked_atlas_channels(channels: Sequence[str]) -> tuple[str, ...]:
    """Return channels of an Atlas field, in their order.

    Raises:
        MissingChannelError: If a field has no such channel.
        InputError: If it is no list, or one channel stands in it twice.
    """
    wanted = [channels] if isinstance(channels, str) else list(channels)
    message = (
        f"data.channels={wanted}: a list of different channels out of {', '.join(CHANNELS)} is expected, "
        "e.g. data.channels=[green] or data.channels=[red,green,blue]."
    )
    if isinstance(channels, str) or not wanted or len(set(wanted)) != len(wanted):
        raise InputError(message)
    if missing := [channel for channel in wanted if channel not in CHANNELS]:
        raise MissingChannelError(message, missing, CHANNELS)
    return tuple(wanted)


def union_of_channels(channels: tuple[str, ...], more: tuple[str, ...]) -> tuple[str, ...]:
    """Return the channels, followed by those of `more` that are not among them.

    >>> union_of_channels(("green",), ("blue", "green"))
    ('green', 'blue')
    """
    return channels + tuple(channel for channel in more if channel not in channels)
