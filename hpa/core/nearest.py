"""Which known words a misspelt one may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

_CUTOFF = 0.5
"""Words less alike than this are no answer."""
_MARGIN = 0.15
"""How much less alike than the best word another one may be."""


def nearest(word: str, known: Sequence[str]) -> list[str]:
    """Return up to three known words that look most like this one, the best first.

    >>> nearest("focl", ["focal", "asymmetric"]), nearest("los", ["rules", "loss", "also"]), nearest("x", ["loss"])
    (['focal'], ['loss'], [])
    """
    found = difflib.get_close_matches(word, [*dict.fromkeys(known)], n=3, cutoff=_CUTOFF)
    likeness = {one: difflib.SequenceMatcher(None, one, word).ratio() for one in found}
    return [one for one in found if likeness[one] >= likeness[found[0]] - _MARGIN]


def did_you_mean(word: str, known: Sequence[str], otherwise: str, before: str = "") -> str:
    """Return the question for the known words that look most like this one; where none does, something else.

    >>> did_you_mean("focl", ["focal"], "there are none."), did_you_mean("x", ["focal"], "there are none.")
    ('did you mean focal?', 'there are none.')
    """
    near = nearest(word, known)
    return f"did you mean {' or '.join(before + one for one in near)}?" if near else otherwise
