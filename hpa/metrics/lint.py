"""Every defect that costs a submission its score, found before it is sent, each with its row and remedy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpa.core.classes import LOCATIONS
from hpa.core.encoding import MaskReader
from hpa.core.errors import InputError, Problem
from hpa.core.run_lengths import Runs
from hpa.core.submission import read_number
from hpa.core.submission_table import (
    ID_NAMES,
    PREDICTION_COLUMN,
    RawRow,
    TableRow,
    read_raw_rows,
    read_table,
)

_NO_CELLS = "no mask with a pixel: the image counts as one without cells. If it shows cells, check the segmentation."


@dataclass(frozen=True)
class LintReport:
    """Defects (refused or costing score) and warnings (unusual but accepted) of a submission of so many rows."""

    rows: int
    defects: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def lint_submission(submission: Path, sample: Path) -> LintReport:
    """Return what is wrong with a submission; the sample lists the expected images and their sizes.

    Raises:
        InputError: If a file or its header cannot be used.
        DataError: If the sample itself is malformed.
    """
    due = {row.image_id: row for row in read_table(sample, PREDICTION_COLUMN)}
    seen: dict[str, int] = {}
    defects: list[Problem] = []
    warnings: list[Problem] = []
    rows = 0
    for raw in read_raw_rows(submission, PREDICTION_COLUMN):
        rows += 1
        defects += [Problem(raw.name, reason) for reason in _identity_defects(raw, due, seen)]
        seen.setdefault(raw.image_id, raw.number)
        row_defects, row_warnings = _text_findings(raw, due.get(raw.image_id))
        defects += [Problem(raw.name, reason) for reason in row_defects]
        warnings += [Problem(raw.name, reason) for reason in row_warnings]
    defects += [
        Problem(image_id, "the row is missing; write one for every image of the sample, blank if it has no cells.")
        for image_id in due
        if image_id not in seen
    ]
    return LintReport(rows, tuple(defects), tuple(warnings))


def _identity_defects(raw: RawRow, due: dict[str, TableRow], seen: dict[str, int]) -> Iterator[str]:
    if raw.image_id in seen:
        yield f"the id stands in row {seen[raw.image_id]} already; keep one row an image."
    if raw.image_id not in due:
        yield f"the sample does not know this id; take the ids from its column {' or '.join(ID_NAMES)}."
    try:
        row = raw.checked()
    except InputError as error:
        yield str(error)
        return
    expected = due.get(raw.image_id)
    if expected and (row.width, row.height) != (expected.width, expected.height):
        swapped = (row.width, row.height) == (expected.height, expected.width)
        yield (
            f"the size is {row.width} x {row.height} (width x height), the sample says {expected.width} x "
            f"{expected.height}{'; width and height are swapped' if swapped else ''}: write the size of the image."
        )


def _text_findings(raw: RawRow, expected: TableRow | None) -> tuple[list[str], list[str]]:
    """Return defects and warnings of a row's PredictionString; masks are held against the size in the sample."""
    words = raw.text.split()
    if not words:
        return [], [_NO_CELLS]
    if len(words) % 3:
        count = f"{len(words)} words, but `class confidence mask` come in threes"
        return [f"{count}: a confidence, class or mask is missing, or the text is cut off."], []
    defects = [*_class_defects(words[0::3]), *_confidence_defects(words[1::3])]
    if expected is None:
        return defects, []
    runs, mask_defects = _decoded(sorted(set(words[2::3])), expected)
    defects += mask_defects
    warnings = []
    if not runs and not mask_defects:
        warnings.append(_NO_CELLS)
    shared = _shared_pixels(runs)
    if shared:
        warnings.append(f"different masks share {shared} px; cells should not overlap: give each pixel to one cell.")
    repeated = len(words) // 3 - len(set(zip(words[0::3], words[2::3], strict=True)))
    if repeated:
        warnings.append(f"{repeated} times a mask repeats a class it had before; each repetition is a false positive.")
    return defects, warnings


def _class_defects(words: Sequence[str]) -> Iterator[str]:
    known = {str(place.index) for place in LOCATIONS}
    for word in dict.fromkeys(words):
        if word not in known:
            yield f"class {word[:20]!r} is unknown; classes are the whole numbers 0 to {len(LOCATIONS) - 1}."


def _confidence_defects(words: Sequence[str]) -> Iterator[str]:
    for word in dict.fromkeys(words):
        try:
            finite = bool(np.isfinite(read_number(word)))
        except ValueError:
            yield f"confidence {word[:20]!r} is no number; the order is `class confidence mask`."
            continue
        if not finite:
            yield f"confidence {word!r} is not finite; write a number, 0 where nothing is known."


def _decoded(masks: Sequence[str], expected: TableRow) -> tuple[list[Runs], list[str]]:
    """Return the runs of each mask that has a pixel, and what keeps others from decoding."""
    reader = MaskReader(expected.height, expected.width)
    decoded: list[Runs] = []
    defects: list[str] = []
    for mask in masks:
        try:
            runs = reader.runs([mask])
        except InputError as error:
            defects.append(str(error))
            continue
        if len(runs.starts):
            decoded.append(runs)
    return decoded, defects


def _shared_pixels(masks: Sequence[Runs]) -> int:
    """Return how many pixels lie in more than one mask, counted once for each mask beyond the first."""
    if not masks:
        return 0
    starts = np.concatenate([runs.starts for runs in masks])
    stops = np.concatenate([runs.stops for runs in masks])
    order = np.argsort(starts)
    covered_to = np.maximum.accumulate(np.concatenate([[0], stops[order]]))
    newly_covered = np.maximum(0, stops[order] - np.maximum(starts[order], covered_to[:-1]))
    return int((stops - starts).sum() - newly_covered.sum())
