"""A work folder that any number of processes share: each leases the next free block, one of them puts all together.

No process knows how many there are. What one holds (its presence, the lease of its block) it renews while it lives, so
a process or machine that is lost costs the block it was doing. A block is written apart and moved to its place when it
is complete; its bytes do not depend on who wrote it, so that a process that was taken for dead does no harm.

Of a finished run a note stays beside the submission, so that a process that comes late has nothing to do.
"""

from __future__ import annotations

import json
import random
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpa.core.digest import digest_of_values, sha256_of_file
from hpa.core.errors import InputError, Problem
from hpa.core.file_lock import Lock, LockHeldError, held, living_holder
from hpa.core.json_file import read_json
from hpa.core.whole_file import remove
from hpa.inference.output import Output, RunResult
from hpa.inference.work_claim import claim, living_workers, manifest_of
from hpa.inference.work_folder import LOCK, TURN, WorkFolder, work_path, write_json

_TRIED_LEASES = 16
"""Leases of others that are looked at, in one round, for being lost: however many there are, a round is short."""
_REPORT = re.compile(r"block_(\d+)\.json")
_LEASE = re.compile(r"lease_(\d+)")


@dataclass(frozen=True)
class SharedFolder:
    """What a process sees of a shared run.

    Attributes:
        path: The work folder.
        output: Of the run.
        manifest: What decides the content of the folder.
        token: Unlike that of any other process.
    """

    path: Path
    output: Output
    manifest: Mapping[str, Any]
    token: str

    @contextmanager
    def turn(self) -> Iterator[WorkFolder]:
        """Wait until no other process begins the run or puts it together, and hold the folder meanwhile."""
        wait_s = 0.1
        with ExitStack() as stack:
            while (lock := _tried(stack, self.path / TURN, "begins or ends this run")) is None:
                time.sleep(wait_s * random.uniform(0.5, 1.5))
                wait_s = min(2 * wait_s, 5.0)
            yield WorkFolder(self.path, lock)

    def undone(self, numbers: Sequence[int]) -> list[int]:
        """Return those blocks that have no report."""
        done = self._numbers(_REPORT)
        return [number for number in numbers if number not in done]

    def has_report(self, number: int) -> bool:
        """Return whether a block is done."""
        return (self.path / f"block_{number:05d}.json").exists()

    @contextmanager
    def leased(self, numbers: Sequence[int], *, may_double: bool) -> Iterator[tuple[int, WorkFolder] | None]:
        """Lease one of the blocks that are not done, and give its number and a folder to write it to.

        Free ones come first, from a place of this process's own on, so that processes seldom try the same one; then
        some that others hold, in case these are lost. None is given where every one is held.

        Args:
            numbers: Blocks that are not done.
            may_double: Whether a block that another process is slow with may be done a second time.
        """
        taken = self._numbers(_LEASE)
        start = int(self.token, 16) % max(1, len(numbers))
        free = [number for number in (*numbers[start:], *numbers[:start]) if number not in taken]
        others = [number for number in numbers if number in taken]
        others = random.sample(others, min(_TRIED_LEASES, len(others)))
        names = [("lease", number) for number in (*free, *others)]
        names += [("spare", number) for number in others if may_double]
        with ExitStack() as stack:
            for kind, number in names:
                if lock := _tried(stack, self.path / f"{kind}_{number:05d}", "does this block"):
                    yield number, WorkFolder(self.path, lock, self.path / f"worker_{self.token}.files")
                    return
            yield None

    def require_same(self) -> None:
        """Make sure that the folder still belongs to this run.

        Raises:
            InputError: If another run was begun here after this one was completed.
        """
        if manifest_of(self.path) != json.loads(json.dumps(self.manifest)):
            raise InputError(f"{self.path}: another run with other settings was begun here; this process stops.")

    def result(self) -> RunResult | None:
        """Return what came of the run, None where it is not finished with these settings or its files are gone."""
        note = read_note(self.output.path)
        if note is None or note["manifest"] != digest_of_values(self.manifest):
            return None
        files = [self.output.path, *(self.output.path.with_name(name) for name in note["beside"])]
        if not all(file.exists() for file in files) or sha256_of_file(self.output.path) != note["sha256"]:
            return None
        failed = tuple(Problem(subject, reason) for subject, reason in note["failed"])
        return RunResult(note["images"], note["objects"], failed, 0, note["blocks"], {})

    def finish(self, work: WorkFolder, result: RunResult, block_count: int) -> None:
        """Note that the submission is complete, and remove what the processes left here."""
        out = self.output.path
        note = {
            "written_by": "hpa infer",
            "manifest": digest_of_values(self.manifest),
            "sha256": sha256_of_file(out),
            "beside": [file.name for file in self.output.files()[1:] if file.exists()],
            "images": result.image_count,
            "objects": result.object_count,
            "failed": [[problem.subject, problem.reason] for problem in result.failed],
            "blocks": block_count,
        }
        write_json(note_path(out), note)
        self.clear(work)

    def clear(self, work: WorkFolder) -> None:
        """Remove what the processes of a run left here, those too that were killed or wait for it to end."""
        work.remove()
        for path in [*self.path.glob("worker_*"), *self.path.glob(".*.part")]:
            remove(path)

    def _numbers(self, pattern: re.Pattern[str]) -> set[int]:
        found = (pattern.fullmatch(path.name) for path in self.path.iterdir())
        return {int(match[1]) for match in found if match}


def _tried(stack: ExitStack, path: Path, doing: str) -> Lock | None:
    """Hold a lock until the stack ends, and return it; None where another process holds it."""
    try:
        return stack.enter_context(held(path, doing, "wait."))
    except LockHeldError:
        return None


def note_path(out: Path) -> Path:
    """Return where the note of a finished shared run stands."""
    return out.with_name(f"{out.name}.finished.json")


def read_note(out: Path) -> dict[str, Any] | None:
    """Return the note of a finished shared run, None where there is none.

    Raises:
        InputError: If the file is something else.
    """
    path = note_path(out)
    try:
        note = read_json(path)
        if note["written_by"] == "hpa infer":
            return dict(note)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError):
        pass
    raise InputError(f"{path}: a note on a finished run stands here, and this file is none; move it away.")


@contextmanager
def opened_shared(output: Output, manifest: Mapping[str, Any], check: Callable[[], None]) -> Iterator[SharedFolder]:
    """Take part in a run, beginning it where nobody has.

    Args:
        output: Where the run writes.
        manifest: What decides the content of its work folder.
        check: Is called unless the run is finished: raises if this process must not take part.

    Raises:
        InputError: If a process has the folder to itself, it was begun with other settings, naming what differs, or it
            holds what this program did not put there.
    """
    path = work_path(output.path)
    folder = SharedFolder(path, output, manifest, uuid.uuid4().hex)
    try:
        with ExitStack() as stack:
            _enter(folder, stack, check)
            yield folder
    finally:
        remove(path / f"worker_{folder.token}.files")
        _clean_up(folder)


def _enter(folder: SharedFolder, stack: ExitStack, check: Callable[[], None]) -> None:
    """Show that this process takes part until the stack ends, and begin the run where nobody has."""
    with folder.turn() as work:
        if folder.result() is not None:
            return
        check()
        presence = folder.path / f"worker_{folder.token}"
        stack.enter_context(held(presence, "shares this output", "wait."))
        _require_shared(folder.path)
        note_path(folder.output.path).unlink(missing_ok=True)
        is_alone = living_workers(folder.path) == [presence]
        claim(work, folder.manifest, folder.output.path, is_alone=is_alone)


def _require_shared(path: Path) -> None:
    """Refuse a folder that a process has to itself."""
    holder = living_holder(path / LOCK)
    if holder is not None:
        raise InputError(
            f"{path}: process {holder.process} on {holder.host} writes this output without workers=join now; wait "
            "until it ends, or choose another out=FILE."
        )


def _clean_up(folder: SharedFolder) -> None:
    """Remove what is left of a finished run, or of one of which no block is done and nobody is there."""
    path = folder.path
    with suppress(InputError, OSError), ExitStack() as stack:
        lock = _tried(stack, path / TURN, "ends this run") if path.is_dir() else None
        if lock is not None and living_holder(path / LOCK) is None:
            work = WorkFolder(path, lock)
            is_vain = not work.holds_blocks() and not living_workers(path)
            if is_vain or folder.result() is not None:
                folder.clear(work)
    with suppress(OSError):  # not empty: others are there, or there is something to go on with
        path.rmdir()
