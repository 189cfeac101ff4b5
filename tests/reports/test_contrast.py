"""Text of every page can be read in both themes: contrast as of WCAG 2.1, computed from the style sheet."""

import re
from pathlib import Path

import pytest

import hpa.reports

STYLE = (Path(hpa.reports.__file__).parent / "templates" / "style.css.jinja").read_text()
TEXT = [
    ("ink", "paper"),
    ("ink", "card"),
    ("muted", "paper"),
    ("muted", "card"),
    ("accent", "paper"),
    ("accent", "card"),
]
TEXT += [("card", "accent"), ("good", "paper"), ("good", "card")]
"""Colours of letters, and what lies under them: AA wants 4.5."""
EDGES = [("edge", "paper"), ("edge", "card"), ("accent", "line"), ("second", "card")]
"""Borders of controls, focus, bars and lines of charts: AA wants 3."""
THEMES = dict(zip(("light", "dark"), re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)[:2], strict=True))


def luminance(colour):
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.03928 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_black_on_white_has_the_contrast_of_the_standard():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("theme", THEMES)
def test_letters_and_edges_differ_from_what_lies_under_them(theme):
    colours = dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", THEMES[theme]))
    faint = [
        (pair, least)
        for pairs, least in ((TEXT, 4.5), (EDGES, 3))
        for pair in pairs
        if contrast(colours[pair[0]], colours[pair[1]]) < least
    ]
    assert faint == []
