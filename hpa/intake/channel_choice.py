"""Which channels a segmenter reads of images that lack those of its settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hpa.core.errors import InputError
from hpa.core.planes import GREY

NUCLEI, CELLS = "nucleus_channel", "cell_channels"
_NUCLEAR = "blue"
Part = dict[str, Any]
"""Config of a segmenter."""


def with_channels(part: Part, available: Sequence[str], words: Sequence[str], example: str) -> tuple[Part, str]:
    """Return the settings of a segmenter with channels that images have, and what was chosen, "" for nothing.

    Channels that the user names are left alone. Nuclei are looked for in blue, cells in all other channels.

    Args:
        part: Settings of the segmenter.
        available: Channels of the images; a grey image stands for every channel.
        words: Overrides that the user gives.
        example: What `--channels` could be.

    Raises:
        InputError: If a channel that is named is not there, or nothing says which one shows nuclei.
    """
    if not available or set(available) == {GREY} or NUCLEI not in part:
        return part, ""
    named = {word.partition("=")[0].removeprefix("segmenter.") for word in words}
    held = f"the images hold {', '.join(available)}"
    lost = {key: channel for key, channel in _channels_of(part) if key in named and channel not in available}
    if lost:
        key, channel = next(iter(lost.items()))
        raise InputError(
            f"segmenter.{key}: there is no channel '{channel}', {held}; name one of them, or say what they are: "
            f"--channels {example}."
        )
    nuclei = part[NUCLEI]
    if nuclei is not None and nuclei not in available:
        if _NUCLEAR not in available:
            called = f", or call it blue: --channels {example}" if f"={_NUCLEAR}" in example else ""
            raise InputError(
                f"which channel shows nuclei? {held[0].upper()}{held[1:]}. hpa doctor draws each; if it is "
                f"{available[0]}, write segmenter.{NUCLEI}={available[0]}{called}."
            )
        nuclei = _NUCLEAR
    chosen = part | {NUCLEI: nuclei}
    if CELLS in part and part[CELLS] is not None and CELLS not in named:
        there = [channel for channel in part[CELLS] if channel in available]
        others = [channel for channel in available if channel != nuclei] if part[CELLS] else []
        chosen[CELLS] = there or others
    return chosen, "" if chosen == part else _note(chosen, available)


def require_channels(part: Part, wanted: Sequence[str], available: Sequence[str], example: str) -> None:
    """Do nothing where images have the channels that a segmenter reads.

    Raises:
        InputError: If one is missing, naming the settings that choose others.
    """
    missing = [channel for channel in wanted if channel not in available]
    if not missing or not available or set(available) == {GREY}:
        return
    keys = [f"segmenter.{key}=NAME" for key, channel in _channels_of(part) if channel in missing and key != CELLS]
    keys += [f"segmenter.{CELLS}=[{','.join(available)}]"] if CELLS in part else []
    raise InputError(
        f"the segmenter reads {', '.join(missing)}, the images hold {', '.join(available)}; say which is which by "
        f"--channels {example}" + (f", or choose by {' '.join(keys)}" if keys else "") + "."
    )


def _channels_of(part: Part) -> list[tuple[str, str]]:
    """Return the settings that name channels, one entry a channel."""
    found: list[tuple[str, str]] = []
    for key, value in part.items():
        if key.endswith("_channel") and isinstance(value, str):
            found.append((key, value))
        elif key == CELLS and isinstance(value, Sequence) and not isinstance(value, str):
            found += [(key, str(channel)) for channel in value]
    return found


def channel_names(part: Part) -> tuple[str, ...]:
    """Return the channels that settings name, each once."""
    return tuple(dict.fromkeys(channel for _, channel in _channels_of(part)))


def _note(part: Part, available: Sequence[str]) -> str:
    cells = part.get(CELLS)
    shown = f", cells in {', '.join(cells)}" if cells else ""
    words = f"segmenter.{NUCLEI}={part[NUCLEI]}" + (f" 'segmenter.{CELLS}=[{','.join(cells)}]'" if cells else "")
    note = f"nuclei in {part[NUCLEI]}{shown}, as these images have them ({words} names others)"
    unused = [channel for channel in available if channel != part[NUCLEI] and channel not in (cells or ())]
    if not cells or not unused:
        return note
    return (
        f"{note}; not used: {', '.join(unused)}. Channels were chosen by their names, not by what they show: if cells "
        f"are stained in {unused[0]}, write 'segmenter.{CELLS}=[{unused[0]}]' and another OUT"
    )
