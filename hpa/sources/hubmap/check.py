"""What the headers of a tissue image show: whether picture and polygons fit the row."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hpa.core.errors import InputError
from hpa.core.polygons import check_polygons, overhang_px
from hpa.formats.image_header import PlaneInfo
from hpa.sources.hubmap.annotations import read_polygons
from hpa.sources.hubmap.listing import TissueRow
from hpa.sources.hubmap.pictures import picture_info


@dataclass
class Findings:
    """What was found of one image."""

    info: PlaneInfo | None = None
    """Header of the picture, None where it cannot be read."""
    problems: list[str] = field(default_factory=list)
    """Why the image cannot be used."""
    warnings: list[str] = field(default_factory=list)
    """What is unusual but usable."""


def inspect_picture(findings: Findings, row: TissueRow, path: Path) -> None:
    """Add what the tags of the picture show."""
    try:
        findings.info = picture_info(path)
    except InputError as error:
        findings.problems.append(str(error))
        return
    if difference := size_difference(row, findings.info.height, findings.info.width):
        findings.problems.append(difference)


def inspect_polygons(findings: Findings, row: TissueRow, path: Path) -> None:
    """Add what is wrong with the polygons; where `rle` is given they are not needed, and defects are warnings."""
    if row.rle and not path.is_file():
        return
    wrong = findings.warnings if row.rle else findings.problems
    try:
        polygons = read_polygons(path)
    except InputError as error:
        wrong.append(str(error))
        return
    if not row.height:  # reported with the row
        return
    try:
        check_polygons(polygons, row.height, row.width)
    except InputError as error:
        wrong.append(f"{path}: {error}")
        return
    if overhang := overhang_px(polygons, row.height, row.width):
        findings.warnings.append(f"{path}: polygons overhang the image by {overhang:g} px, which is cut off")


def size_difference(row: TissueRow, height: int, width: int) -> str | None:
    """Describe how table and picture disagree in size, None where they do not or the table has none."""
    if not row.height or (row.height, row.width) == (height, width):
        return None
    return (
        f"the table says {row.width}×{row.height} px, the picture has {width}×{height} px; masks are written at the "
        "size of the table: mend the row or copy the picture of this id again."
    )
