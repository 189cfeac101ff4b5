"""Names of stains as microscopes and people write them, and the colour that this project calls each channel by."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_WORDS = {
    "blue": r"blue|dapi|hoechst ?\d*|dna|draq ?5|nuc|nuclei|nucleus|nuclear|405 ?nm",
    "green": r"green|e?gfp|fitc|488 ?nm|(?:alexa|af) ?488",
    "red": r"red|rfp|mcherry|tritc|cy3|te?xa?s? ?red|561 ?nm|(?:alexa|af) ?5\d\d",
    "yellow": r"yellow|yfp",
}
_OTHERS = (
    r"cfp|cy5(?:\.5)?|cy7|far ?red|640 ?nm|(?:alexa|af) ?[67]\d\d|er|rna|agp|mito|actin|tubulin|phalloidin|golgi|cyto"
    r"|cytoplasm|membrane|bf|brightfield|phase|dic|trans"
)
STAIN = "|".join([*_WORDS.values(), _OTHERS])
"""Expression of all names, in lower case."""
_EXPRESSIONS = {colour: re.compile(words) for colour, words in _WORDS.items()}


def colour_of(name: str) -> str | None:
    """Return the colour of a stain, None where its name says nothing.

    >>> colour_of("DAPI"), colour_of("Alexa 488"), colour_of("w1"), colour_of("Hoechst-33342")
    ('blue', 'green', None, 'blue')
    """
    plain = re.sub(r"[-_ ]+", " ", name).strip().lower()
    return next((colour for colour, words in _EXPRESSIONS.items() if words.fullmatch(plain)), None)


def is_stain(name: str) -> bool:
    """Return whether a name is that of a stain.

    >>> is_stain("Cy5"), is_stain("s1")
    (True, False)
    """
    return re.fullmatch(STAIN, re.sub(r"[-_ ]+", " ", name).strip().lower()) is not None


def with_colours(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names of channels, those of known stains as colours; a colour that two would have goes to neither.

    >>> with_colours(["DAPI", "GFP", "Cy5"]), with_colours(["w1", "w2"]), with_colours(["GFP", "FITC"])
    (('blue', 'green', 'Cy5'), ('w1', 'w2'), ('GFP', 'FITC'))
    """
    colours = [colour_of(name) for name in names]
    counts = Counter([*colours, *names])
    return tuple(
        name if colour is None or (counts[colour] > 1 and colour != name) else colour
        for name, colour in zip(names, colours, strict=True)
    )
