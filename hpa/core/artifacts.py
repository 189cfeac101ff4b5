"""One cache for all that is made once and reused: label maps, crops, whole images, tiles, fingerprints.

    FOLDER/<kind>/<ab>/<key><suffix>        key: digest of all that made the file; ab: its first two digits

A changed setting gives another key, an unchanged one finds the old file: nothing is ever overwritten by something
else. Files appear whole or not at all, and two writers of one file write the same bytes, so runs, users and machines
may share a folder.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import TypeVar

import numpy as np
from jaxtyping import Shaped

from hpa.core.addresses import as_path
from hpa.core.errors import InputError, Problem
from hpa.core.sealed_file import damaged, unreadable, verify
from hpa.core.whole_file import WriteError

_ORPHAN_AGE_S = 3600.0
"""A file is written within seconds; one that nothing was added to for an hour has lost its writer."""
Made = TypeVar("Made")
log = logging.getLogger(__name__)


class ArtifactCache:
    """A folder of files that are named by what made them.

    Args:
        folder: Where they lie; made when the first is written.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = as_path(folder).expanduser()
        self._verified: set[Path] = set()

    def path(self, kind: str, key: str, suffix: str) -> Path:
        """Return where a file belongs.

        Args:
            kind: What it is, e.g. `crops`: a folder of the cache.
            key: Digest of all that decides its content.
            suffix: End of its name; distinguishes the files of one key.
        """
        return self.folder / kind / key[:2] / f"{key}{suffix}"

    def map_array(self, path: Path) -> Shaped[np.ndarray, "*axes"]:
        """Return an array that is read from the disk where it is touched.

        The whole file is verified when this object (each worker process has its own) opens it for the first time.

        Raises:
            DamagedFileError: If the file is missing, cut short or changed.
        """
        if path not in self._verified:
            verify(path)
            self._verified.add(path)
        try:
            array: Shaped[np.ndarray, "*axes"] = np.load(path, mmap_mode="r", allow_pickle=False)
        except OSError as error:
            raise unreadable(path, error) from error
        except ValueError as error:
            raise damaged(path, str(error)) from error
        return array

    def sweep(self, *kinds: str) -> None:
        """Delete what killed writers left behind; files that are being written are left alone."""
        for kind in kinds:
            for part in (self.folder / kind).glob("*/.*.part"):
                _delete_orphan(part)


def make_all(
    jobs: Mapping[str, Callable[[], Made]], workers: int, on_progress: Callable[[int, int], None]
) -> tuple[dict[str, Made], list[Problem]]:
    """Run a job for each image in threads, going on where an image fails; return what was made, and what failed.

    Args:
        jobs: What makes the files of an image, by its id.
        workers: Threads.
        on_progress: Called with (images done, all images) after each.

    Raises:
        WriteError: At once where nothing can be written; nothing further is started, as after Ctrl-C.
    """
    made: dict[str, Made] = {}
    failures: dict[str, Problem] = {}
    pool = ThreadPoolExecutor(workers)
    try:
        ids = {pool.submit(job): image_id for image_id, job in jobs.items()}
        for done, future in enumerate(as_completed(ids), start=1):
            image_id = ids[future]
            try:
                made[image_id] = future.result()
            except WriteError:
                raise
            except InputError as error:
                failures[image_id] = Problem(image_id, str(error))
            on_progress(done, len(ids))
    finally:
        pool.shutdown(cancel_futures=True)
    return made, [failures[image_id] for image_id in jobs if image_id in failures]


def _delete_orphan(part: Path) -> None:
    try:
        if time.time() - part.stat().st_mtime < _ORPHAN_AGE_S:
            return
        shutil.rmtree(part) if part.is_dir() else part.unlink()
    except OSError as error:
        log.warning("%s: an unfinished file of a killed run cannot be deleted (%s)", part, error.strerror)
