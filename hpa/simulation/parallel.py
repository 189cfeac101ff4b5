"""Rendering the images of a data set in order, by several processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

from hpa.core.errors import InputError

_MIN_PARALLEL = 16  # below, starting processes costs more than they save

Drawn = TypeVar("Drawn")

_MAX_IMAGES, _MAX_WORKERS = 1_000_000, 1024


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


def check_counts(images: int, test_images: int, seed: int, workers: int) -> None:
    """Raise InputError for impossible numbers."""
    if not 0 < test_images < images:
        raise InputError(f"a data set needs training and test images, got {images} images, {test_images} of them test.")
    if images > _MAX_IMAGES or workers > _MAX_WORKERS:
        raise InputError(
            f"at most {_MAX_IMAGES:,} images by {_MAX_WORKERS:,} workers are drawn, got {images:,} images, "
            f"{workers:,} workers."
        )
    if seed < 0 or workers < 1:
        raise InputError(f"the seed is 0 or more and workers are 1 or more, got seed {seed}, {workers} workers.")
