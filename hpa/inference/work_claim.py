"""Who may write to a work folder: one process alone, or any number that share it; nothing else in it is touched."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hpa.core.errors import InputError
from hpa.core.file_lock import held, living_holder
from hpa.core.json_file import read_json
from hpa.core.whole_file import remove, remove_orphans
from hpa.inference.settings import differences
from hpa.inference.work_folder import LOCK, MANIFEST, TURN, WHOLE, WorkFolder, work_path, write_json

_OWN_NAME = re.compile(
    rf"(({LOCK}|{TURN}|(lease|spare)_\d+|worker_[0-9a-f]+)(\.takeover)?)|worker_[0-9a-f]+\.files|{MANIFEST}|{WHOLE}|"
    r"block_\d+\..*|\..*\.part"
)


@contextmanager
def opened(out: Path, manifest: Mapping[str, Any]) -> Iterator[WorkFolder]:
    """Hold the work folder of a submission; it is deleted at the end if no block was finished.

    Args:
        out: The submission.
        manifest: What decides its bytes, plain values.

    Raises:
        InputError: If another process holds it, it was begun with another manifest, naming what differs, or it holds
            what this program did not put there.
    """
    path = work_path(out)
    remedy = "wait until it ends, or choose another out=FILE."
    try:
        with held(path / LOCK, "writes this output", remedy) as lock:
            folder = WorkFolder(path, lock)
            _require_own(folder, out)
            _require_alone(folder)
            claim(folder, manifest, out, is_alone=True)
            try:
                yield folder
            finally:
                if not folder.holds_blocks():
                    folder.remove()
    finally:
        with suppress(OSError):  # not empty: there is something to go on with
            path.rmdir()


def living_workers(path: Path) -> list[Path]:
    """List what the processes hold that share a work folder now."""
    return [worker for worker in path.glob("worker_*") if not worker.suffix and living_holder(worker) is not None]


def claim(folder: WorkFolder, manifest: Mapping[str, Any], out: Path, *, is_alone: bool) -> None:
    """Write the manifest, or compare it with that of the unfinished run; remove what a killed run left half written.

    Args:
        folder: Held.
        manifest: What decides the bytes of the submission.
        out: The submission.
        is_alone: Whether no other process is writing here, so that what is half written was left by killed ones.

    Raises:
        InputError: If the folder holds something else, or a run with other settings.
    """
    _require_own(folder, out)
    if is_alone:
        living = {worker.name for worker in living_workers(folder.path)}
        left = [path for path in folder.path.glob("worker_*") if path.stem not in living]
        for orphan in [*folder.path.glob(".*.part"), *left]:
            remove(orphan)
        for written in (out, out.with_name(f"{out.name}.fallbacks.json")):
            remove_orphans(written)
    if not folder.holds_blocks() and (is_alone or not (folder.path / MANIFEST).exists()):
        folder.remove()
        write_json(folder.path / MANIFEST, manifest)
        return
    changed = differences(manifest_of(folder.path), manifest)
    if changed:
        raise InputError(
            f"{folder.path}: holds the blocks of an unfinished run with other settings (its own, then yours):\n  "
            + "\n  ".join(changed)
            + "\nRepeat its command to go on, "
            f"delete {folder.path.name} to start over, or choose another out than {out.name}."
        )


def _require_alone(folder: WorkFolder) -> None:
    """Refuse a folder that other processes share."""
    if workers := living_workers(folder.path):
        raise InputError(
            f"{folder.path}: {len(workers)} processes share this output now (workers=join); add workers=join to take "
            "part, wait until they end, or choose another out=FILE."
        )


def _require_own(folder: WorkFolder, out: Path) -> None:
    """Refuse a folder that holds other things than a run leaves: nothing in it is deleted or written over."""
    foreign = sorted(path.name for path in folder.path.iterdir() if not _OWN_NAME.fullmatch(path.name))
    if foreign:
        raise InputError(
            f"{folder.path}: this is where unfinished results are kept, and it holds {foreign[0]}, which is none; move "
            f"it away, or choose another out than {out.name}."
        )
    if folder.path.is_symlink():
        raise InputError(
            f"{folder.path}: this is where unfinished results are kept, and it is a link to another folder; remove the "
            f"link, or choose another out than {out.name}."
        )


def manifest_of(path: Path) -> Any:
    """Read the manifest of the unfinished run."""
    try:
        return read_json(path / MANIFEST)
    except (OSError, ValueError) as error:
        raise InputError(f"{path / MANIFEST}: cannot be read ({error}); delete {path} to start over.") from error
