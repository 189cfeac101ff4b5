"""A data set that gives the channels of a segmenter, or the settings that let the segmenter take others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hpa.config import build
from hpa.core.channels import union_of_channels
from hpa.core.errors import InputError, MissingChannelError
from hpa.interfaces import Segmenter

NUCLEI, CELLS = "nucleus_channel", "cell_channels"
NUCLEAR = "blue"
"""What the channel of nuclei is called, in the Atlas and after `hpa import`."""
_OPTIONAL = "reticulum_channel"
_MAX_CHANNELS = 3
"""That a segmenter of nuclei and cells takes, whichever it is (Cellpose)."""
Part = dict[str, Any]
"""Config of a part."""


def source_with(data: Part, channels: Sequence[str], part: Part, segmenter: Segmenter) -> Any:
    """Build a data set that gives the channels of networks and those of a segmenter.

    Args:
        data: Config of the data set.
        channels: Channels that networks read.
        part: Config of the segmenter, for what to write where a channel is missing.
        segmenter: What was built of it.

    Raises:
        InputError: If images lack a channel.
    """
    try:
        return build(data, channels=union_of_channels(tuple(channels), segmenter.channels))
    except MissingChannelError as error:
        if set(error.missing) & set(channels):
            raise
        held = f"the segmenter reads {', '.join(error.missing)}, the images hold {', '.join(error.available)}"
        words = settings_for(part, segmenter.channels, error.available)
        to_do = f"write {' '.join(words)}" if words else "choose another one, e.g. segmenter=watershed"
        raise InputError(f"{held}; {to_do}.") from error


def settings_for(part: Part, reads: Sequence[str], available: Sequence[str]) -> list[str]:
    """Return words that let a segmenter read channels which images have; [] where no setting does.

    Args:
        part: Its settings.
        reads: The channels that it reads with them.
        available: Channels of the images.
    """
    chosen: Part = {}
    nuclei = part.get(NUCLEI)
    if isinstance(nuclei, str) and nuclei not in available:
        chosen[NUCLEI] = nuclei = NUCLEAR if NUCLEAR in available else available[0]
    others = [channel for channel in available if channel != nuclei]
    for key, channel in part.items():
        if key.endswith("_channel") and key != NUCLEI and isinstance(channel, str) and channel not in available:
            chosen[key] = None if key == _OPTIONAL else (others or list(available))[0]
    if CELLS in part and not set(reads if part[CELLS] is None else part[CELLS]) <= set(available):
        cells = _cells(part, reads, available, others)
        chosen |= {} if cells is None else {CELLS: cells}
    if not set(reads) <= {*available, *_replaced(part, chosen, reads)}:
        return []
    return [_word(key, value) for key, value in chosen.items()]


def _cells(part: Part, reads: Sequence[str], available: Sequence[str], others: Sequence[str]) -> list[str] | None:
    """Return channels in which cells may be looked for; None where a network wants more than there are."""
    if NUCLEI not in part:  # a trained network reads as many as it was trained on
        kept = [channel for channel in reads if channel in available]
        more = sorted(available, key=lambda channel: len(reads) > 1 or channel != NUCLEAR)  # one channel: of nuclei
        found = [*kept, *(channel for channel in more if channel not in kept)][: len(reads)]
        return found if len(found) == len(reads) else None
    there = [channel for channel in part[CELLS] or () if channel in available]
    return there or list(others[: _MAX_CHANNELS - 1])


def _replaced(part: Part, chosen: Part, reads: Sequence[str]) -> set[str]:
    """Return channels that are read no more with the settings that are chosen."""
    gone = {str(part[key]) for key in chosen if key != CELLS}
    return gone | (set(part[CELLS] or reads) if CELLS in chosen else set())


def _word(key: str, value: Any) -> str:
    if isinstance(value, list):
        return f"'segmenter.{key}=[{','.join(value)}]'"
    return f"segmenter.{key}={'null' if value is None else value}"
