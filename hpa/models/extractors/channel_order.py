"""Hands a published network the channels it was trained on, in its own order, whatever order a data set has."""

from __future__ import annotations

from collections.abc import Sequence

from hpa.core.errors import InputError


def places_of(reads: Sequence[str], shown: Sequence[str]) -> list[int]:
    """Return where each channel that a network reads lies among those it is shown.

    Raises:
        InputError: If one is not among them.
    """
    missing = [name for name in reads if name not in shown]
    if missing:
        raise InputError(
            f"model.extractor reads {', '.join(reads)}, and data.channels={list(shown)} lacks {', '.join(missing)}; "
            "show these channels too, or take weights of fewer and name theirs: model.extractor.reads=[…]."
        )
    return [list(shown).index(name) for name in reads]
