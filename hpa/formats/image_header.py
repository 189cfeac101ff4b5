"""What the header of an image file says, whatever its format, and what a user picks of a stack.

An image file holds scenes (positions of a stage, series). A scene has planes: one a channel, at each slice (Z) and time
(T). A network reads one plane a channel, so of stacks and of several scenes a user must say which.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from hpa.core.errors import InputError
from hpa.formats.pixel_size import UNKNOWN, SizeUm

GREY, RGB = "grey", "RGB"
MAX_CHANNELS = 16
"""Pages of unknown meaning are channels up to this number; more are slices or times that should say so."""
MAX_VALUES = 1 << 29
"""Pixels times channels (and slices) that are read at once: 23,170² px of one channel, 11,585² px of four."""
_LIMIT_VARIABLE = "HPA_MAX_PIXELS"


class PlaneInfo(NamedTuple):
    """Size and depth of the planes of an image."""

    height: int
    """Rows, px."""
    width: int
    """Columns, px."""
    bits: int
    """8 or 16."""

    def __str__(self) -> str:
        """Read as `512×256 px, 8 bit` (width first, as viewers write it)."""
        return f"{self.width}×{self.height} px, {self.bits} bit"


@dataclass(frozen=True)
class Scene:
    """One scene of a file.

    Attributes:
        height: Rows, px.
        width: Columns, px.
        channel_names: Name of each plane, numbers from 1 where the file has none.
        dtype: Type of the pixels as stored, e.g. `uint16`.
        bits: Bits that levels use: 12 for a camera of 12 bit whose header says so, else all of the type.
        pixel_um: Height and width of a pixel, µm; NaN where unknown.
        colour: `grey`, `RGB`, or how else pixels are coded.
        slices: Planes along Z.
        times: Planes along T.
        other_axes: Length of axes that nothing here reduces (angle, phase, mosaic), by letter.
        name: As the file calls it.
        set_files: All files of the set that hold its planes, where they are several.
        notes: What is left out of it or done to its levels, e.g. `alpha left out`.
    """

    height: int
    width: int
    channel_names: tuple[str, ...]
    dtype: str
    bits: int
    pixel_um: SizeUm = UNKNOWN
    colour: str = GREY
    slices: int = 1
    times: int = 1
    other_axes: Mapping[str, int] = field(default_factory=dict)
    name: str = ""
    set_files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def info(self) -> PlaneInfo:
        """Return size and depth."""
        return PlaneInfo(self.height, self.width, 8 * np.dtype(self.dtype).itemsize)

    @property
    def stack_axes(self) -> dict[str, int]:
        """Return the axes with more than one plane a channel, and their lengths."""
        axes = {"Z": self.slices, "T": self.times, **self.other_axes}
        return {axis: length for axis, length in axes.items() if length > 1}


@dataclass(frozen=True)
class ImageHeader:
    """What a file holds.

    Attributes:
        path: The file, or the folder of an OME-Zarr image.
        format: E.g. `OME-TIFF`.
        scenes: At least one.
        notes: What else it holds that is left out: thumbnails, maps, labels.
    """

    path: Path
    format: str
    scenes: tuple[Scene, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class StackChoice:
    """What is taken of stacks and of files of several scenes; numbers count from 1.

    Attributes:
        z: Slice: `max` (projection), `middle`, or a number; None refuses z-stacks.
        t: Time point; None refuses time series.
        scene: Scene, or `all` where every scene is an image of its own; None refuses files of several.
        bits: Bits that levels use in 16-bit files, whatever their headers say, e.g. 12; None trusts them.
    """

    z: int | Literal["max", "middle"] | None = None
    t: int | None = None
    scene: int | Literal["all"] | None = None
    bits: int | None = None

    @classmethod
    def of(cls, z: object = None, t: object = None, scene: object = None, bits: object = None) -> StackChoice:
        """Return the choice that words on a command line or in a config make.

        Raises:
            InputError: If a word is none of those allowed.
        """
        words: dict[str, Any] = {
            "z": _word(z, "z", ("max", "middle")),
            "t": _word(t, "t"),
            "scene": _word(scene, "scene", ("all",)),
            "bits": _word(bits, "bits"),
        }
        choice = cls(**words)
        if choice.bits is not None and not 8 <= choice.bits <= 16:
            raise InputError(f"bits {bits}: a number from 8 to 16 is expected, e.g. 12.")
        return choice

    def settings(self) -> dict[str, int | str]:
        """Return what was chosen, as plain types."""
        return {name: value for name, value in vars(self).items() if value is not None}


def check_readable(header: ImageHeader, scene: Scene) -> None:
    """Do nothing where pixels of a scene are intensities of 8 or 16 bit that fit into memory.

    Raises:
        InputError: If they are not.
    """
    path = header.path
    if scene.colour not in (GREY, RGB):
        raise InputError(
            f"{path}: its pixels are {scene.colour}, no intensities; convert it to RGB or grey in the program that "
            "made it, by its own colour profile, and save it as TIFF."
        )
    if scene.dtype not in ("uint8", "uint16"):
        raise InputError(
            f"{path}: 8 or 16 bit are expected, came {scene.dtype}; convert it in Fiji (Image > Type > 16-bit), all "
            "images with one display range (Brightness/Contrast > Set), by which levels are scaled."
        )
    if scene.other_axes:
        raise InputError(
            f"{path}: one plane a channel is expected, came {described(scene.other_axes)}; export one of them, or say "
            "what they are (Fiji: Image > Hyperstacks > Stack to Hyperstack)."
        )
    if not scene.height or not scene.width or not scene.channel_names:
        raise InputError(f"{path}: the image has no pixels ({scene.info}); export it again.")


def check_size(path: Path, values: int) -> None:
    """Do nothing where so many pixels times planes may be read at once.

    Raises:
        InputError: If they are more than the limit.
    """
    text = os.environ.get(_LIMIT_VARIABLE, "")
    limit = int(text) if text.isdecimal() else MAX_VALUES
    if values > limit:
        raise InputError(
            f"{path}: its header says {values:,} pixels (times channels and slices), the limit is {limit:,}; crop it, "
            f"or set {_LIMIT_VARIABLE}={values} if the file is sound and memory suffices."
        )


def pick_scene(header: ImageHeader, choice: StackChoice) -> int:
    """Return the index of the scene to read; `all` is for callers that read every scene.

    Raises:
        InputError: If there are several and none is chosen, or no such scene.
    """
    count = len(header.scenes)
    if choice.scene is None or choice.scene == "all":
        if count > 1:
            raise InputError(
                f"{header.path}: holds {count} scenes ({_listed(header)}), {count - 1} would be left out; choose one "
                "with --scene N (data.scene=N), or all of them as images with --scene all."
            )
        return 0
    return _pick(header.path, "scene", choice.scene, count)


def pick_slices(path: Path, scene: Scene, choice: StackChoice) -> tuple[range, int]:
    """Return the slices to read (their maximum is taken) and the time point.

    Raises:
        InputError: If the scene is a stack and nothing is chosen, or it holds no such slice.
    """
    undecided = {"Z": scene.slices > 1 and choice.z is None, "T": scene.times > 1 and choice.t is None}
    if any(undecided.values()):
        axes = described(scene.stack_axes)
        words = {"Z": "--z max|middle|N (data.z=…)", "T": "--t N (data.t=…)"}
        remedy = " and ".join(words[axis] for axis, missing in undecided.items() if missing)
        raise InputError(f"{path}: one plane a channel is expected, came {axes}; choose with {remedy}.")
    time = 0 if choice.t is None or scene.times == 1 else _pick(path, "t", choice.t, scene.times)
    if scene.slices == 1:
        return range(1), time
    if choice.z == "max":
        return range(scene.slices), time
    if choice.z is None or choice.z == "middle":
        return range(scene.slices // 2, scene.slices // 2 + 1), time
    first = _pick(path, "z", choice.z, scene.slices)
    return range(first, first + 1), time


def _pick(path: Path, name: str, number: int, count: int) -> int:
    if not 1 <= number <= count:
        raise InputError(f"{path}: there is no {name} {number}; it holds {count}, counted from 1.")
    return number - 1


def _word(value: object, name: str, words: tuple[str, ...] = ()) -> int | str | None:
    text = "" if value is None else str(value).strip().lower()
    if not text:
        return None
    if text in words:
        return text
    if text.isdecimal() and len(text) < 10 and int(text) > 0:
        return int(text)
    expected = ", ".join([*words, "a number from 1"])
    raise InputError(f"{name} {value}: {expected} is expected.")


def _listed(header: ImageHeader) -> str:
    names = [scene.name or str(number) for number, scene in enumerate(header.scenes, start=1)]
    return ", ".join(names[:5]) + (", …" if len(names) > 5 else "")


def expanded(path: Path, planes: np.ndarray, bits: int) -> np.ndarray:
    """Return 16-bit planes whose levels use `bits` bits, stretched over all 16, so that the full level is 65535.

    >>> expanded(Path("a.tif"), np.array([0, 4095], np.uint16), 12)
    array([    0, 65535], dtype=uint16)

    Raises:
        InputError: If a level is beyond these bits.
    """
    missing = 8 * planes.dtype.itemsize - bits
    if missing <= 0:
        return planes
    top, highest = (1 << bits) - 1, int(planes.max(initial=0))
    if highest > top:
        raise InputError(
            f"{path}: levels of {bits} bit are expected, as its header or --bits says, up to {top}; they go up to "
            f"{highest}. --bits 16 (data.bits=16) reads all images as they are stored."
        )
    return (planes << np.uint16(missing)) | (planes >> np.uint16(max(0, bits - missing)))


def described(axes: Mapping[str, int]) -> str:
    """Return axes and their lengths in words.

    >>> described({"Z": 5, "pages of unknown meaning": 20})
    '5 along Z, 20 pages of unknown meaning'
    """
    return ", ".join(
        f"{length} along {axis}" if len(axis) == 1 else f"{length} {axis}" for axis, length in axes.items()
    )


def declared_bits(value: object, dtype_bits: int) -> int:
    """Return the bits that a header declares, all of the type where it declares none that make sense."""
    try:
        bits = int(value)  # type: ignore[call-overload]  # whatever a file holds
    except (TypeError, ValueError):
        return dtype_bits
    return bits if dtype_bits == 16 and 8 < bits < 16 else dtype_bits


def numbered(names: list[str], count: int) -> tuple[str, ...]:
    """Return the names of channels where there is one for each and all differ, else numbers from 1."""
    usable = len(names) == count and all(names) and len(set(names)) == count
    return tuple(names) if usable else tuple(str(number) for number in range(1, count + 1))
