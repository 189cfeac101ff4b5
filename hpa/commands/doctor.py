"""`hpa doctor`: what a folder will be read as, before anything is done with it."""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from hpa.core.outputs import check_outputs, guarded_outputs
from hpa.core.project_folder import with_commands
from hpa.intake.stack_options import add_stack_options, stack_choice

if TYPE_CHECKING:
    from hpa.core.field import Field
    from hpa.intake.doctor import FolderReport
    from hpa.intake.file_report import FileReport

HELP = "say what a folder of images will be read as: layout, channels, depth, sizes, what is left out"
_EXIT_NOTHING_READ = 1
_MAX_ROWS = 120
"""Files are listed one by one up to this number, else by kind."""
_SHOWN = 20
_MAX_NAMES = 16
"""More pages than that are no channels."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = f"{HELP}. The first image is drawn, merged and channel by channel in its colours."
    parser.add_argument("folder", metavar="DIR", type=Path, help="a data set, or a folder of images")
    parser.add_argument("--json", action="store_true", help="print everything as JSON")
    parser.add_argument(
        "--picture", metavar="FILE.png", type=Path, help="where to draw the first image (doctor.png in this folder)"
    )
    parser.add_argument("--overwrite", action="store_true", help="write over a picture that this command did not make")
    add_stack_options(parser)


def run(arguments: argparse.Namespace) -> int:
    """Examine, print, and return 0, or 1 where no image could be read."""
    from hpa.intake.doctor import examine

    picture: Path = arguments.picture or Path("doctor.png")
    inputs = [arguments.folder, arguments.folder / "images"]
    check_outputs([picture], "doctor", inputs=inputs, overwrite=arguments.overwrite)
    report, first = examine(arguments.folder, stack_choice(arguments))
    if first is not None:
        with guarded_outputs([picture], "doctor", inputs=inputs, overwrite=arguments.overwrite):
            _draw(picture, first)
    drawn = str(picture) if first is not None else None
    if arguments.json:
        print(json.dumps(report.as_json() | {"picture": drawn}, indent=1, ensure_ascii=False))
    else:
        _print(report, drawn)
    return 0 if first is not None else _EXIT_NOTHING_READ


def _print(report: FolderReport, picture: str | None) -> None:
    counts = ", ".join(f"{count} {status}" for status, count in report.counts().items())
    print(with_commands(f"{report.folder}: {report.layout}; {report.advice}"))
    print(f"{len(report.files)} files: {counts}")
    for line in _rows(report.files):
        print(line)
    print(f"{report.images} images{report.channels_in_words()}")
    for name, lines in (("problem", report.problems), ("warning", report.warnings)):
        for line in lines[:_SHOWN]:
            print(f"{name}  {line}")
        if len(lines) > _SHOWN:
            print(f"… and {len(lines) - _SHOWN} more {name}s")
    print(f"{picture} shows {report.first_image}" if picture else "no image could be read")


def _rows(files: list[FileReport]) -> list[str]:
    """Return a line a file, or a line a kind where there are many."""
    if len(files) <= _MAX_ROWS:
        names = [file.name if file.name.isprintable() else ascii(file.name) for file in files]
        width = max(map(len, names))
        return [
            f"{file.status:<11}  {name:<{width}}  {_words(file)}".rstrip()
            for name, file in zip(names, files, strict=True)
        ]
    kinds: dict[tuple[str, str], list[str]] = defaultdict(list)
    for file in files:
        kinds[file.status, _words(file, with_names=False)].append(file.name)
    ordered = sorted(kinds.items(), key=lambda item: -len(item[1]))
    rows = [
        f"{status:<11}  {len(names):>6} × {words}; {', '.join(names[:3])}{', …' if len(names) > 3 else ''}"
        for (status, words), names in ordered[:_MAX_ROWS]
    ]
    rest = ordered[_MAX_ROWS:]
    return rows + ([f"… and {sum(len(names) for _, names in rest)} files of {len(rest)} more kinds"] if rest else [])


def _words(file: FileReport, with_names: bool = True) -> str:
    parts = [file.kind] if file.format else []
    if with_names and 1 < len(file.channels) <= _MAX_NAMES:
        parts.append(f"channels {', '.join(file.channels)}")
    if with_names and file.cells is not None:
        parts.append(f"{file.cells} cells")
    parts += file.notes
    return "; ".join([*parts, *([file.reason] if file.reason else [])])


def _draw(path: Path, field: Field) -> None:
    """Draw a field: all channels merged, then each by itself in its colour, with its name."""
    from hpa.reports.channel_sheet import write_channel_sheet

    write_channel_sheet(path, field)
