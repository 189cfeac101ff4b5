"""What channels are called: as a user says, else by the colour of their stain, else as their files have it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hpa.core.channels import CHANNELS
from hpa.core.errors import InputError
from hpa.formats.layouts import same_channel
from hpa.formats.stains import with_colours

ChannelNames = Sequence[str] | Mapping[str, str]
"""Names of channels in their order, or the name of each by its own name or its number from 1."""


def parse_names(text: str) -> tuple[str, ...] | dict[str, str]:
    """Return the names of channels of `--channels`.

    >>> parse_names("blue, green"), parse_names("w1=blue,w2=green")
    (('blue', 'green'), {'w1': 'blue', 'w2': 'green'})

    Raises:
        InputError: If the text is neither names nor pairs of names, or a name stands twice.
    """
    parts = [part.strip() for part in text.split(",")]
    pairs = [tuple(word.strip() for word in part.split("=")) for part in parts]
    lengths = {len(pair) for pair in pairs}
    if lengths not in ({1}, {2}) or not all(all(pair) for pair in pairs):
        raise InputError(f"--channels {text}: names in order, or pairs, are expected: blue,green or w1=blue,w2=green.")
    names = [pair[-1] for pair in pairs]
    if len(set(names)) != len(names) or len({pair[0] for pair in pairs}) != len(pairs):
        raise InputError(f"--channels {text}: a channel is named twice; each becomes one of its own.")
    return tuple(names) if lengths == {1} else {pair[0]: pair[1] for pair in pairs}


def names_of_files(
    own: Sequence[str], names: ChannelNames | None, by_maker: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the name of each channel that is a file of its own; of a mapping those that it names.

    Args:
        own: Channels as the files call them, sorted.
        names: What they are called.
        by_maker: What the microscope's description calls those that files number.

    Raises:
        InputError: If names are not as many, or name a channel that is not there.
    """
    described = by_maker or {}
    if names is None:
        return dict(zip(own, with_colours([described.get(channel, channel) for channel in own]), strict=True))
    if not isinstance(names, Mapping):
        if len(names) != len(own):
            raise InputError(
                f"--channels {','.join(names)}: the files have {len(own)} channels ({', '.join(own)}); name each, or "
                f"those that are wanted: --channels {example_of(own)}."
            )
        return dict(zip(own, names, strict=True))
    found = {}
    for written, name in names.items():
        fitting = [channel for channel in own if channel == written] or [
            channel
            for channel in own
            if same_channel(written, channel) or same_channel(written, described.get(channel, ""))
        ]
        if len(fitting) != 1:
            raise InputError(
                f"--channels {written}={name}: the files have no channel {written}, but {', '.join(own)}; write "
                f"--channels {example_of(own)}."
            )
        found[fitting[0]] = name
    return found


def names_of_planes(path: Path, own: Sequence[str], names: ChannelNames | None) -> dict[int, str]:
    """Return the name of each plane of a file by its place; of a mapping those that it names.

    Args:
        path: The file.
        own: Planes as the file calls them, numbers from 1 where it does not.
        names: What they are called.

    Raises:
        InputError: If there is no name for a plane, or none for a name.
    """
    numbers = [str(number) for number in range(1, len(own) + 1)]
    if isinstance(names, Mapping):
        missing = [name for name in names if name not in own and name not in numbers]
        if missing:
            raise InputError(
                f"{path}: has no channel {', '.join(missing)}; it holds {len(own)}: {', '.join(own)} "
                "(write these names, or numbers from 1, in --channels)."
            )
        return {own.index(name) if name in own else numbers.index(name): called for name, called in names.items()}
    if names is None and list(own) != numbers:
        return dict(enumerate(with_colours(own)))
    given = CHANNELS if names is None else names
    if len(own) > len(given) or (names is not None and len(own) < len(given)):
        raise InputError(
            f"{path}: holds {len(own)} planes ({', '.join(own)}), named are {', '.join(given)}; name every plane."
        )
    return dict(enumerate(given[: len(own)]))


def example_of(own: Sequence[str]) -> str:
    """Return what `--channels` could be for channels as files call them.

    >>> example_of(["w1", "w2"]), example_of(["DAPI", "GFP"])
    ('w1=blue,w2=green', 'DAPI=blue,GFP=green')
    """
    known = dict(zip(own, with_colours(own), strict=True))
    free = [colour for colour in ("blue", "green", "red", "yellow") if colour not in known.values()]
    called = {name: colour if colour != name or colour in CHANNELS else "" for name, colour in known.items()}
    for name in own:
        if not called[name]:
            called[name] = free.pop(0) if free else name.lower()
    return ",".join(f"{name}={colour}" for name, colour in called.items())
