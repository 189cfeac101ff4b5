"""File names of microscopes, read by a pattern: `{plate}_{well}_{site}_{channel}.tif`.

A word in braces stands for a part of the name and gives it a meaning: `image` names the image, `channel` its stain,
`class` the type of its cells (`mixed`: several types); `plate` and `well` say what was grown together, so that such
images share a fold. Other words distinguish images too (`site`, `time`); `_` stands for a part that means nothing. A
word may come again and must then read the same. Patterns may reach through folders: `{class}/{image}_{channel}.tif`.
Suffixes of files may be in capitals.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from hpa.core.errors import InputError

CHANNEL, CLASS, IMAGE = "channel", "class", "image"
NOTHING = "_"
SLICE, TIME = "z", "t"
"""Words that number the planes of a stack, where a layout has them."""
GROWN_TOGETHER = ("plate", "well")
DEFAULT_PATTERN = "{image}_{channel}.{_}"
WHOLE_PATTERN = "{image}.{_}"
"""For files that hold all channels of an image."""


class NamePattern:
    """Reads the parts of file names.

    Args:
        text: The pattern, or the name of a layout.
        expressions: Regular expressions with the words as groups, tried in order; None makes one of the text.

    Raises:
        InputError: If the pattern names no image, or its braces do not match.
    """

    def __init__(self, text: str, expressions: Sequence[re.Pattern[str]] | None = None) -> None:
        self.text = text
        self.is_layout = expressions is not None
        if expressions is not None:
            self._expressions = tuple(expressions)
            self.words: tuple[str, ...] = tuple(dict.fromkeys(word for one in expressions for word in one.groupindex))
            return
        pieces = re.split(r"\{(\w+)\}", text)
        self.words = tuple(dict.fromkeys(pieces[1::2]))
        if any(brace in piece for piece in pieces[::2] for brace in "{}") or not self._naming_words(self.words):
            raise InputError(
                f"--pattern '{text}': words in braces that name images are expected, e.g. '{DEFAULT_PATTERN}' or "
                "'{class}/{well}_{site}_{channel}.tif'; {_} stands for anything."
            )
        self._expressions = (re.compile("".join(map(_expression_of, enumerate(pieces), [pieces] * len(pieces)))),)

    @property
    def has_channel(self) -> bool:
        """Return whether each channel is a file of its own."""
        return CHANNEL in self.words

    def parts_of(self, path: PurePath) -> dict[str, str] | None:
        """Return the words of a path relative to the folder of images, None where the pattern does not fit.

        >>> NamePattern("{well}_{_}_{channel}.tif").parts_of(PurePath("B7_01_DAPI.tif"))
        {'well': 'B7', 'channel': 'DAPI'}
        """
        for expression in self._expressions:
            match = expression.fullmatch(path.as_posix())
            if match is not None:
                return {word: text for word, text in match.groupdict().items() if text is not None}
        return None

    def name(self, parts: Mapping[str, str]) -> str:
        """Return the name of an image as its files have it: its class and all words that distinguish images."""
        naming = self._naming_words(list(parts))  # in the order of the expression that fitted
        words = [CLASS, *naming] if CLASS in parts else naming
        return "_".join(parts[word] for word in words if parts.get(word))

    def image_id(self, parts: Mapping[str, str]) -> str:
        """Return the name that an image gets: folders become part of it, blanks and commas dashes."""
        # commas and blanks would have to be quoted on command lines
        return re.sub(r"[^\w.+-]+", "-", self.name(parts))

    def group(self, parts: Mapping[str, str]) -> str:
        """Return what an image was grown together with, "" where the pattern does not name it."""
        return "_".join(parts[word] for word in GROWN_TOGETHER if parts.get(word))

    def _naming_words(self, words: Sequence[str]) -> list[str]:
        planes = (SLICE, TIME) if self.is_layout else ()
        return [word for word in words if word not in (CHANNEL, CLASS, NOTHING, *planes)]


def _expression_of(numbered: tuple[int, str], pieces: list[str]) -> str:
    """Return the regular expression of a piece: those at uneven places are words, the others stand between them."""
    number, piece = numbered
    if number == len(pieces) - 1:
        end, dot, suffixes = piece.partition(".")
        return f"{re.escape(end)}(?i:{re.escape(dot + suffixes)})"
    if number % 2 == 0:
        return re.escape(piece)
    if piece == NOTHING:
        return "[^/]*?"
    if piece in pieces[1:number:2]:
        return f"(?P={piece})"
    # channels and sites are short and come last: what precedes them takes as much as it can
    return f"(?P<{piece}>[^/]+?)" if piece in (CHANNEL, CLASS) else f"(?P<{piece}>[^/]+)"
