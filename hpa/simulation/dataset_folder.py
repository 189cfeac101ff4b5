"""Writing a synthetic data set: a folder that is whole or not there, images rendered in order by several processes."""

from __future__ import annotations

import multiprocessing
import shutil
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from hpa.core.errors import InputError

_MIN_PARALLEL = 16  # below, starting processes costs more than they save

Drawn = TypeVar("Drawn")


def in_order(draw: Callable[[int], Drawn], count: int, workers: int) -> Iterator[Drawn]:
    """Render images 0, 1, … in order, in several processes where that pays."""
    if workers == 1 or count < _MIN_PARALLEL:
        yield from map(draw, range(count))
        return
    # spawn, not fork: a forked child would inherit the locks of running threads
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        try:
            yield from pool.map(draw, range(count), chunksize=4)
        finally:
            pool.shutdown(cancel_futures=True)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to write to that takes its name once all is written, and vanishes otherwise.

    Raises:
        InputError: If the folder holds anything already, or cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder}: a new or empty folder is needed, it holds something; name another or delete it.")
    place = folder.resolve()
    part = place.with_name(f".{place.name}.{uuid.uuid4().hex}.part")
    try:
        part.mkdir(parents=True)
        yield part
        part.replace(place)
    except OSError as error:
        raise InputError(f"{folder}: the data set cannot be written there ({error}); choose another place.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def check_counts(images: int, test_images: int, seed: int, workers: int) -> None:
    """Raise InputError for impossible numbers."""
    if not 0 < test_images < images:
        raise InputError(f"a data set needs training and test images, got {images} images, {test_images} of them test.")
    if seed < 0 or workers < 1:
        raise InputError(f"the seed is 0 or more and workers are 1 or more, got seed {seed}, {workers} workers.")
