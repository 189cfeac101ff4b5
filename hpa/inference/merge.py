"""The parts of all shards joined into the submission that one run would have written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hpa.core.errors import InputError
from hpa.inference.assembly import write_fallbacks, write_rows_of_blocks
from hpa.inference.differences import differences
from hpa.inference.part_file import Part, read_part
from hpa.inference.work_folder import BlockReport


@dataclass(frozen=True)
class Merged:
    """What the blocks of a merged submission are, in order."""

    reports: tuple[BlockReport, ...]

    @property
    def image_count(self) -> int:
        """Count the rows."""
        return sum(len(report.image_ids) for report in self.reports)

    @property
    def blank_count(self) -> int:
        """Count the rows that are blank because an image failed or no time was left for it."""
        return sum(len(report.failed) + len(report.skipped) for report in self.reports)

    @property
    def all_failed(self) -> bool:
        """Tell whether no image could be used."""
        return sum(len(report.failed) for report in self.reports) == self.image_count


def merge_parts(paths: Sequence[Path], out: Path) -> Merged:
    """Write the submission of all parts, given in any order.

    Raises:
        InputError: If a part is missing, stands twice, is no part, or was made with other settings than the first,
            naming what differs.
    """
    parts = [read_part(path) for path in paths]
    _require_one_run(parts)
    _require_all_once(parts)
    place = {report.number: part for part in parts for report in part.reports}
    reports = {report.number: report for part in parts for report in part.reports}
    numbers = range(parts[0].block_count)
    merged = Merged(tuple(reports[number] for number in numbers))
    try:
        write_rows_of_blocks(out, (place[number].rows(number) for number in numbers))
        write_fallbacks(out, merged.reports)
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({error}); name another place with --out FILE.") from error
    return merged


def _require_one_run(parts: Sequence[Part]) -> None:
    """Raise InputError if parts were made with different settings or cut differently."""
    first = parts[0]
    for part in parts[1:]:
        one = {"shards": first.shard.count, **first.settings}
        changed = differences(one, {"shards": part.shard.count, **part.settings})
        if changed:
            raise InputError(
                f"{first.path} and {part.path} are parts of different runs (the first's, the second's):\n  "
                + "\n  ".join(changed)
                + "\nMake one of them again with the other's settings."
            )


def _require_all_once(parts: Sequence[Part]) -> None:
    """Raise InputError if a shard, or a block of it, is missing or stands twice."""
    paths: dict[int, list[str]] = {number: [] for number in range(1, parts[0].shard.count + 1)}
    for part in parts:
        paths[part.shard.number].append(str(part.path))
    problems = [
        f"shard {number}/{len(paths)} " + (f"stands in {' and '.join(found)}" if found else "is missing")
        for number, found in paths.items()
        if len(found) != 1
    ]
    if problems:
        raise InputError(f"every part is needed once, but {'; '.join(problems)}.")
    numbers = sorted(report.number for part in parts for report in part.reports)
    if numbers != list(range(parts[0].block_count)):
        raise InputError(
            f"the parts hold blocks {numbers}, but 0 to {parts[0].block_count - 1} are needed once each; a part is "
            "damaged: make it again."
        )
