"""The images that cells were found in: of a folder of any layout, or of a data set that overrides name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpa.config import build
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.project_folder import project_folder
from hpa.intake.data_set.opening import open_images
from hpa.interfaces import ImageSource
from hpa.overrides import compose_slot

_ROOT = "data.root="


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
    roots = [word.removeprefix(_ROOT) for word in overrides if word.startswith(_ROOT)]
    if not roots:
        raise InputError("where are the images? Give their folder: data.root=DIR.")
    root = Path(roots[-1])
    if len(overrides) == 1:
        is_plain = (root / "images").is_dir() and not (root / "index.csv").is_file() and not (root / "labels").is_dir()
        return Images(open_images(root / "images" if is_plain else root))
    return Images(build(compose_slot(project_folder(), "infer", "data", with_layout(overrides)) or {}))


def with_layout(overrides: Sequence[str]) -> list[str]:
    """Return overrides that name a layout: that of the competition where they name none."""
    return [*overrides] if any(word.startswith("data=") for word in overrides) else ["data=kaggle_hpa", *overrides]
