"""File names as microscopes write them: `hpa import --layout imagexpress`, one expression or more a maker.

Words are those of `NamePattern`; `z` and `t` are slices and times of one image, chosen by --z and --t. Sources of the
names: manuals and exports of MetaXpress, Harmony, CellVoyager, LAS X, ZEN, Incucyte, Gen5 (Cytation), Micro-Manager
and MetaMorph.
"""

from __future__ import annotations

import re

from hpa.core.errors import InputError
from hpa.formats.name_pattern import NamePattern
from hpa.formats.stains import STAIN

_WELL = r"(?P<well>[A-P]\d{1,2})"
_TIFF = r"\.tiff?"
_FOLDERS = r"(?:.*/)?"
_HARMONY = (
    _FOLDERS
    + r"(?P<well>r\d{2}c\d{2})f(?P<site>\d{2,})p(?P<z>\d{2,})-(?P<channel>ch\d+)sk(?P<t>\d+)fk\d+fl\d+"
    + _TIFF,
    _FOLDERS + r"(?P<well>\d{6})-(?P<site>\d+)-(?P<z>\d{3})(?P<t>\d{3})(?P<channel>\d{3})" + _TIFF,
)
_EXPRESSIONS: dict[str, tuple[str, ...]] = {
    "imagexpress": (
        r"(?:.*?/)?(?:TimePoint_(?P<t>\d+)/)?(?:ZStep_(?P<z>\d+)/)?"
        rf"(?P<plate>[^/]+?)_{_WELL}(?:_s(?P<site>\d+))?(?:_(?P<channel>w\d+?))?(?:[0-9A-F]{{8}}-[0-9A-F-]{{27}})?{_TIFF}",
    ),
    "opera": _HARMONY,
    "operetta": _HARMONY,
    "cellvoyager": (
        rf"{_FOLDERS}(?P<plate>[^/]+)_{_WELL}_T(?P<t>\d{{4}})F(?P<site>\d{{3}})L\d{{2}}A\d{{2}}Z(?P<z>\d{{2,3}})"
        r"(?P<channel>C\d{2})(?:\.tiff?|\.png)",
    ),
    "leica": (
        rf"{_FOLDERS}image--L\d+--S(?P<plate>\d+)--U(?P<column>\d+)--V(?P<row>\d+)--J\d+--E\d+--O\d+--X(?P<x>\d+)"
        r"--Y(?P<y>\d+)--T(?P<t>\d+)--Z(?P<z>\d+)--(?P<channel>C\d+)(?:\.ome)?" + _TIFF,
        rf"(?P<image>.+?)(?:_t(?P<t>\d+))?(?:_z(?P<z>\d+))?_(?P<channel>ch\d+)(?:_SV)?{_TIFF}",
    ),
    "zeiss": (r"(?P<image>.+?)_(?:s(?P<site>\d+))?(?:t(?P<t>\d+))?(?:z(?P<z>\d+))?(?P<channel>c\d+)(?:_ORG)?" + _TIFF,),
    "incucyte": (
        rf"{_FOLDERS}(?:(?P<plate>[^/]+)_)?(?P<channel>[^_/]+)_{_WELL}_(?P<site>\d+)"
        r"_(?P<t>\d{4}y\d{2}m\d{2}d_\d{2}h\d{2}m)(?:\.tiff?|\.png)",
        rf"{_FOLDERS}(?:(?P<plate>[^/]+)_)?(?P<channel>[^_/]+)_{_WELL}_(?P<site>\d+)(?:\.tiff?|\.png)",
    ),
    "cytation": (rf"{_FOLDERS}{_WELL}_(?P<step>\d+)_\d+_(?P<site>\d+)_(?P<channel>[^_/]+)_(?P<t>\d{{3}}){_TIFF}",),
    "micromanager": (
        rf"{_FOLDERS}img_(?P<channel>channel\d+)_position(?P<site>\d+)_time(?P<t>\d+)_z(?P<z>\d+){_TIFF}",
        rf"{_FOLDERS}(?P<site>[^/]+)/img_(?P<t>\d{{9}})_(?P<channel>.+)_(?P<z>\d{{3}}){_TIFF}",
        rf"(?P<image>img)_(?P<t>\d{{9}})_(?P<channel>.+)_(?P<z>\d{{3}}){_TIFF}",  # the folder of one position
        rf"{_FOLDERS}(?P<image>[^/]+)_MMStack_(?P<site>[^/]+?)(?:\.ome)?{_TIFF}",
    ),
    "metamorph": (
        rf"{_FOLDERS}(?P<image>[^/]+?)_w\d(?P<channel>[A-Za-z][^/]*?)(?:_s(?P<site>\d+))?(?:_t(?P<t>\d+))?\.(?:tiff?|stk)",
    ),
}
LAYOUTS: tuple[str, ...] = tuple(_EXPRESSIONS)
OTHER_NAMES = "other"
"""Common ends of names that no maker owns; recognised, but no choice of --layout."""
_ANY = r"(?:\.ome)?(?:\.tiff?|\.png)"
_OTHERS = (
    rf"(?P<image>.+?)(?:[ _.-]t(?P<t>\d{{2,}}))?(?:[ _.-]z(?P<z>\d+))?[ _.-](?P<channel>(?:w|ch|c)\d{{1,2}}){_ANY}",
    rf"(?P<image>.+?)[ _.-]z(?P<z>\d+)[ _.-]t(?P<t>\d{{2,}})[ _.-](?P<channel>(?:w|ch|c)\d{{1,2}}){_ANY}",
    rf"(?P<channel>c\d)-(?P<image>.+?){_ANY}",  # Fiji's Image > Color > Split Channels
    rf"(?P<image>.+?f\d+)(?P<channel>d\d){_ANY}",  # Cellomics
    rf"(?P<image>.+?)[ _.-](?P<channel>{STAIN}){_ANY}",
    rf"(?P<channel>{STAIN})[ _.-](?P<image>.+?){_ANY}",
)


def layout_pattern(layout: str) -> NamePattern:
    """Return what reads the names of a maker.

    Raises:
        InputError: If there is no such layout.
    """
    if layout not in _EXPRESSIONS:
        raise InputError(f"--layout {layout}: one of {', '.join(LAYOUTS)} is expected.")
    return NamePattern(layout, [re.compile(text, re.IGNORECASE) for text in _EXPRESSIONS[layout]])


def known_patterns() -> list[NamePattern]:
    """Return what reads the names of each maker, then each of the common ends."""
    others = [NamePattern(OTHER_NAMES, [re.compile(text, re.IGNORECASE)]) for text in _OTHERS]
    return [*map(layout_pattern, LAYOUTS), *others]


def same_channel(written: str, found: str) -> bool:
    """Return whether a channel in --channels means one in a file name of a layout: `1` and `w1` mean `w1`, `C01`.

    >>> same_channel("w1", "w1"), same_channel("1", "C01"), same_channel("2", "C01"), same_channel("DAPI", "dapi")
    (True, True, False, True)
    """
    split = [re.fullmatch(r"([a-z]*)0*(\d+)", text.lower()) for text in (written, found)]
    first, second = split
    if first is None or second is None:
        return written.lower() == found.lower()
    return first[2] == second[2] and first[1] in ("", second[1])
