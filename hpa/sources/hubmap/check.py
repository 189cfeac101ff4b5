"""What the files of a tissue image tell before a pixel is decoded: whether picture and polygons fit the row."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hpa.core.errors import InputError
from hpa.core.polygons import check_polygons, overhang_px
from hpa.formats.image_files import PlaneInfo
from hpa.sources.hubmap.annotations import read_polygons
from hpa.sources.hubmap.listing import TissueRow
from hpa.sources.hubmap.pictures import picture_info


@dataclass
class Findings:
    """What was found of one image."""

    info: PlaneInfo | None = None
    """Header of the picture, None where it cannot be read."""
    reasons: list[str] = field(default_factory=list)
    """Why the image cannot be used."""
    doubts: list[str] = field(default_factory=list)
    """What is odd about it."""


def inspect_picture(findings: Findings, row: TissueRow, path: Path) -> None:
    """Add what the tags of the picture tell."""
    try:
        findings.info = picture_info(path)
    except InputError as error:
        findings.reasons.append(str(error))
        return
    if difference := size_difference(row, findings.info.height, findings.info.width):
        findings.reasons.append(difference)


def inspect_polygons(findings: Findings, row: TissueRow, path: Path) -> None:
    """Add what is wrong with the polygons; defects of those that are not needed, because `rle` stands, are but odd."""
    if row.rle and not path.is_file():
        return
    wrong = findings.doubts if row.rle else findings.reasons
    try:
        polygons = read_polygons(path)
    except InputError as error:
        wrong.append(str(error))
        return
    if not row.height:  # told already
        return
    try:
        check_polygons(polygons, row.height, row.width)
    except InputError as error:
        wrong.append(f"{path}: {error}")
        return
    if overhang := overhang_px(polygons, row.height, row.width):
        findings.doubts.append(f"{path}: polygons overhang the image by {overhang:g} px, which is cut off")


def size_difference(row: TissueRow, height: int, width: int) -> str | None:
    """Tell where table and picture disagree in size, None where they do not or the table tells none."""
    if not row.height or (row.height, row.width) == (height, width):
        return None
    return (
        f"the table says {row.width}×{row.height} px, the picture has {width}×{height} px; masks are written at the "
        "size of the table: mend the row or copy the picture of this id again."
    )
