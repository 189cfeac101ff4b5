"""Which of the readers a path is for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpa.results.cells_file import SUFFIX, CellsFile
from hpa.results.coco import CocoCells
from hpa.results.found_cells import FoundCells
from hpa.results.images import Images, images_of, images_of_submission
from hpa.results.label_maps import LabelMapCells
from hpa.results.submission import SubmissionCells


def open_cells(path: Path, overrides: Sequence[str]) -> tuple[FoundCells, Images]:
    """Open a run, a submission, a table of cells, a COCO file or a folder of label maps, and its images.

    Args:
        path: The run, file or folder.
        overrides: Where the images are, as of `images_of`; a run knows it, and takes values of its own config.

    Raises:
        InputError: If it is none of these, or cannot be read.
    """
    if (path / "config.yaml").is_file():
        from hpa.results.run import RunCells  # here: it takes torch, which the others do without

        run = RunCells(path, overrides)
        return run, Images(run.source)
    if path.is_dir():
        images = images_of(overrides)
        return LabelMapCells(path, images), images
    if path.name.endswith(SUFFIX):
        images = images_of(overrides)
        return CellsFile(path, images), images
    if path.suffix.lower() == ".json":
        images = images_of(overrides)
        return CocoCells(path, images), images
    images = images_of_submission(overrides)
    return SubmissionCells(path, images, images.source.class_names or None), images
