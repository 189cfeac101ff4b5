"""The images that cells were found in: of a folder of any layout, or of a data set that overrides name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpa.config import build
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.paths import path_of
from hpa.core.project_folder import project_folder
from hpa.core.table_text import table_file
from hpa.intake.data_set.opening import open_images
from hpa.intake.doctor import SPLITS
from hpa.intake.layout_advice import data_set_layout, image_files
from hpa.interfaces import ImageSource
from hpa.suggestions import compose_slot

_ROOT = "data.root="
_COMPETITION = "kaggle_hpa"


class Images:
    """Reads images, whichever split they are in.

    Args:
        source: The data set.
    """

    def __init__(self, source: ImageSource) -> None:
        self.source = source

    def read(self, image_id: str) -> Field:
        """Read an image of the test split, or of the training split where only that has it.

        Raises:
            InputError: Naming the file and the reason.
        """
        try:
            self.source.identity(image_id, "test")
        except InputError:
            return self.source.read(image_id, "train")
        return self.source.read(image_id, "test")


def images_of(overrides: Sequence[str]) -> Images:
    """Open the images that words of a command line name.

    Args:
        overrides: `data.root=DIR` alone takes any layout; with `data=` or other settings it is as of infer.py.

    Raises:
        InputError: If none are named, or there are none.
    """
    roots = _roots(overrides)
    if not roots:
        raise InputError("where are the images? Give their folder: data.root=DIR.")
    root = roots[-1]
    if not root.exists():
        raise InputError(f"{root}: there is no such folder; give that of the images, data.root=DIR.")
    if len(overrides) == 1:
        is_plain = (
            (root / "images").is_dir()
            and not table_file(root / "index.csv").is_file()
            and not (root / "labels").is_dir()
        )
        return Images(open_images(root / "images" if is_plain else root))
    return Images(build(compose_slot(project_folder(), "infer", "data", with_layout(overrides)) or {}))


def with_layout(overrides: Sequence[str]) -> list[str]:
    """Return overrides that name a layout: that of the folder, or that of the competition where it has none."""
    if any(word.startswith("data=") for word in overrides):
        return [*overrides]
    roots = _roots(overrides)
    layout = data_set_layout(roots[-1]) if roots else None
    return [f"data={layout or _COMPETITION}", *overrides]


def images_of_submission(overrides: Sequence[str]) -> Images:
    """Open the images that a submission is of: of the competition's layout unless the folder has another one.

    Raises:
        InputError: If none are named, or there are none.
    """
    roots = _roots(overrides)
    if len(roots) != len(overrides) or not roots or data_set_layout(roots[-1]) is not None:
        return images_of(overrides)
    is_competition = any((roots[-1] / split).is_dir() for split in SPLITS)
    has_images = roots[-1].is_dir() and bool(image_files(roots[-1]))
    return images_of(overrides if has_images and not is_competition else with_layout(overrides))


def _roots(overrides: Sequence[str]) -> list[Path]:
    return [path_of(word) for word in overrides if word.startswith(_ROOT)]
