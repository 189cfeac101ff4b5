"""What kind of folder one is, by its names, and the commands that read it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from hpa.core.channels import CHANNELS
from hpa.core.override_text import override_text
from hpa.core.table_text import table_file
from hpa.formats.channel_groups import ChannelGroups, is_thumbnail, recognised_groups
from hpa.formats.folder_files import NAMES_OF
from hpa.formats.folder_listing import files_below, is_image_name
from hpa.formats.image_header import MAX_CHANNELS
from hpa.formats.layouts import OTHER_NAMES
from hpa.formats.stains import is_stain, with_colours

_COLOUR = "COLOUR"
OTHER_FILES = _RECOGNISED = "files of a microscope"
"""Layout of files in folders below, whose names are not recognised."""
FOLDER = "folder of images"
"""Layout of single files in one folder."""
NO_IMAGES = "folder without images that are read"


def image_files(folder: Path) -> list[Path]:
    """Return the image files of a folder and its folders, in order."""
    return [path for path in files_below(folder) if is_image_name(path)]


def data_set_layout(folder: Path) -> str | None:
    """Return the value of `data=` that reads a data set, None where a folder is none."""
    is_labelled = table_file(folder / "train.csv").is_file()
    if is_labelled and (folder / "train").is_dir():
        return "kaggle_hpa"
    if is_labelled and (folder / "train_images").is_dir():
        return "hubmap"
    if (folder / "images").is_dir() and (folder / "labels").is_dir():
        return "instance_folder"
    if table_file(folder / "index.csv").is_file() and (folder / "images").is_dir():
        return "typed_images"
    return None


def layout_of(folder: Path, paths: Sequence[Path]) -> tuple[str, str]:
    """Return the layout of a folder, and the command that reads it."""
    layout = data_set_layout(folder)
    if layout is not None:
        choice = "experiments=segment/nuclei" if layout == "instance_folder" else f"data={layout}"
        return layout, f"python train.py {choice} {quote(override_text('data.root', folder))}"
    images = [path for path in paths if is_image_name(path)]
    groups = recognised_groups([path for path in images if not is_thumbnail(path)], folder)
    if groups is not None:
        return _microscope(folder, groups)
    if any(path.parent == folder for path in images):
        return FOLDER, f"hpa segment {quote(str(folder))} OUT segmenter=watershed_nuclei"
    if not images:
        return NO_IMAGES, "save its images as OME-TIFF, TIFF or PNG"
    return OTHER_FILES, f"hpa import {quote(str(folder))} OUT {_pattern_words(folder, images)}"


def _pattern_words(folder: Path, images: Sequence[Path]) -> str:
    """Return the options that say how files are named: folders that hold the same names are images of their own."""
    names_of: dict[Path, list[str]] = {}
    for path in images:
        names_of.setdefault(path.parent.relative_to(folder), []).append(path.stem)
    first, *others = list(names_of.values()) or [[]]
    folders = [str(place) for place in names_of]
    if others and all(map(is_stain, folders)):
        return f"--pattern '{{channel}}/{{image}}{images[0].suffix}' --channels {quote(_words_for(folders))}"
    if others and 1 < len(set(first)) <= MAX_CHANNELS and all(sorted(names) == sorted(first) for names in others):
        depth = len(next(iter(names_of)).parts)
        pattern = "/".join([*(f"{{folder{number}}}" for number in range(1, depth)), "{image}", "{channel}"])
        return f"--pattern '{pattern}{images[0].suffix}' --channels {quote(_words_for(first))}"
    return "--pattern '{image}_{channel}.tif' --channels NAME=COLOUR,…"


def _words_for(channels: Sequence[str]) -> str:
    """Return pairs for --channels, of known stains with their colours."""
    called = with_colours(channels)
    return ",".join(
        f"{own}={name if name in CHANNELS else _COLOUR}" for own, name in zip(channels, called, strict=True)
    )


def _microscope(folder: Path, groups: ChannelGroups) -> tuple[str, str]:
    """Return what files of a recognised layout are, and the commands that read them, one a line."""
    described = groups.names_by_maker()
    called = with_colours([described.get(channel, channel) for channel in groups.channels])
    colours = [name if name in CHANNELS else _COLOUR for name in called]
    words = [f"{own}={colour}" for own, colour in zip(groups.channels, colours, strict=True)]
    channels = f" --channels {quote(','.join(words))}"
    is_known = _COLOUR not in colours
    lines = ["go on by one of these", f"  hpa segment {quote(str(folder))} OUT{'' if is_known else channels}"]
    name = groups.layout
    if groups.layout == OTHER_NAMES:
        name = NAMES_OF[OTHER_NAMES]
    else:
        lines.append(f"  hpa import {quote(str(folder))} OUT --layout {groups.layout}{channels}")
    if not is_known:
        lines.append(f"{_COLOUR} is blue for the nuclei, else green, red or yellow; the picture shows each channel")
    return f"{_RECOGNISED} ({name})", "\n".join(lines)
