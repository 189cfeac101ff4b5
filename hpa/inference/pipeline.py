"""From a list of images to a submission: every image gets its row, in the order of the list, whatever happens to it.

Reading, segmenting and encoding of the next images go on in threads while the network runs, a bounded number of images
ahead, so that memory does not grow with the data set. Batches are formed by the order of the images, hence the bytes of
the file do not depend on the timing of threads.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from hpa.core.errors import InputError, Problem
from hpa.core.submission_table import PREDICTION_COLUMN, TableRow, write_table
from hpa.data.table import ImageTable
from hpa.inference.lookahead import map_ahead
from hpa.inference.stages import Failed, Finished, Listed, Stages
from hpa.inference.stopwatch import Stopwatch
from hpa.interfaces import FieldPredictor, Fusion, ImageSource, Rule, Segmenter, Split

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PipelineResult:
    """What a run did.

    Attributes:
        image_count: Rows written.
        cell_count: Cells written.
        failed: One problem for each image whose row is blank because it could not be used, in the order of the table.
        seconds: Wall-clock seconds of each stage, summed over threads, and `total` of the run.
    """

    image_count: int
    cell_count: int
    failed: tuple[Problem, ...]
    seconds: dict[str, float]

    @property
    def all_failed(self) -> bool:
        """Tell whether no image could be used."""
        return len(self.failed) == self.image_count


@dataclass
class _Tally:
    """Counts rows as they are written."""

    cell_count: int = 0
    failed: list[Problem] = field(default_factory=list)

    def add(self, image: Finished | Failed) -> TableRow:
        """Count an image, log what is wrong with it, and return its row."""
        if isinstance(image, Finished):
            self.cell_count += image.cell_count
            return image.row
        # what the user gave wrong needs no traceback, anything else does
        unexpected = None if isinstance(image.error, InputError) else image.error
        _logger.warning("%s", image.problem, exc_info=unexpected)
        self.failed.append(image.problem)
        return image.row


def write_submission(
    source: ImageSource,
    table: ImageTable,
    split: Split,
    segmenter: Segmenter,
    predictor: FieldPredictor,
    fusion: Fusion,
    rules: Sequence[Rule],
    out: Path,
    fields_at_once: int,
    workers: int,
    on_progress: Callable[[int, int], None],
) -> PipelineResult:
    """Write the submission of a table's images, whole or not at all.

    An image that cannot be used keeps a blank row with its size from the table; so does one without cells, which is no
    failure.

    Args:
        source: Reads the images.
        table: Which images, in the order of the rows.
        split: Which of the source's lists they stand in.
        segmenter: Finds cells; called from several threads.
        predictor: Says what the cells show.
        fusion: Joins cell and image.
        rules: Change confidences, in this order.
        out: The file; an older one is replaced at the end.
        fields_at_once: Images handed to the predictor together. About three times as many are in memory at once.
        workers: Threads that read, segment and encode.
        on_progress: Is told how many images are done, and of how many.

    Raises:
        InputError: If there is no image, the segmenter needs a channel that the source lacks, or the file cannot be
            written, e.g. because the disk is full.
    """
    _check(source, table, segmenter, fields_at_once, workers)
    stopwatch, tally = Stopwatch(), _Tally()
    stages = Stages(source, split, segmenter, predictor, fusion, rules, stopwatch)
    executor = ThreadPoolExecutor(workers)
    try:
        with stopwatch.stage("total"):
            images = _finished(stages, _listed(table), executor, fields_at_once, workers)
            _write(out, _counted(map(tally.add, images), len(table), on_progress))
    finally:
        executor.shutdown(cancel_futures=True)  # after Ctrl-C nothing that still waits is begun
    return PipelineResult(len(table), tally.cell_count, tuple(tally.failed), stopwatch.seconds())


def _check(source: ImageSource, table: ImageTable, segmenter: Segmenter, fields_at_once: int, workers: int) -> None:
    """Raise InputError for what would fail with every image."""
    if len(table) == 0:
        raise InputError(f"{table.where}: there is no image to predict; check data.root and split.")
    if fields_at_once < 1 or workers < 1:
        raise InputError(f"fields_at_once and workers must be at least 1; came {fields_at_once} and {workers}.")
    missing = [channel for channel in segmenter.channels if channel not in source.channels]
    if missing:
        raise InputError(
            f"the segmenter needs {', '.join(missing)}, but data.channels are {', '.join(source.channels)}; add what "
            "is missing or choose another segmenter."
        )


def _listed(table: ImageTable) -> list[Listed]:
    """Return the images of a table, with all problems of an image in one reason; log problems of no image."""
    reasons: dict[str, list[str]] = {image_id: [] for image_id in table.image_ids}
    for problem in table.problems:
        if problem.subject in reasons:
            reasons[problem.subject].append(problem.reason)
        else:
            _logger.warning("%s: %s", table.where, problem)
    sizes = zip(table.image_ids, table.frame["width"], table.frame["height"], strict=True)
    return [
        Listed(TableRow(image_id, int(width), int(height), ""), "; ".join(reasons[image_id]) or None)
        for image_id, width, height in sizes
    ]


def _finished(
    stages: Stages, images: Iterable[Listed], executor: Executor, fields_at_once: int, workers: int
) -> Iterator[Finished | Failed]:
    """Yield the images' rows in order; threads prepare the next group while the network runs on this one."""
    prepared = map_ahead(executor, stages.prepare, images, max(fields_at_once, workers))
    groups = iter(lambda: list(islice(prepared, fields_at_once)), [])
    predicted = (image for group in groups for image in stages.predict(group))
    yield from map_ahead(executor, stages.finish, predicted, workers)


def _counted(rows: Iterable[TableRow], total: int, on_progress: Callable[[int, int], None]) -> Iterator[TableRow]:
    """Yield the rows, and tell after each how many are done."""
    for done, row in enumerate(rows, start=1):
        yield row
        on_progress(done, total)


def _write(out: Path, rows: Iterable[TableRow]) -> None:
    """Write the file while the rows come."""
    try:
        write_table(out, PREDICTION_COLUMN, rows)
    except OSError as error:
        raise InputError(
            f"{out}: the submission cannot be written ({error}); free some space or name another place with out=FILE."
        ) from error
