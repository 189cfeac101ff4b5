"""One member of an ensemble: a network together with the way its cells are cropped."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice

import numpy as np
import torch
from jaxtyping import Float32, UInt8, UInt16
from torch import Tensor

from hpa.cells.crops import CropSpec, crop_cells
from hpa.core.errors import InputError
from hpa.inference.lookahead import map_ahead
from hpa.interfaces import CellBatch, CellPrediction, Predictor, SegmentedField

Pixels = UInt8[np.ndarray, "cell channel side side"] | UInt16[np.ndarray, "cell channel side side"]
StoredCrop = UInt8[np.ndarray, "channel side side"] | UInt16[np.ndarray, "channel side side"]


class CropMember:
    """Predicts fields with a network that sees each cell as a crop, in batches that reach across fields.

    Args:
        predictor: Network, or test-time augmentation around it.
        channels: Channels the network was trained on, in order.
        side_px: Side of a crop.
        masked: Whether everything outside the cell is black.
        margin: Free space beside the cell's bounding box, as a share of the box's longer side.
        batch_cells: Cells in a forward pass.
        workers: Threads that crop the cells of the next fields while the network runs.
    """

    def __init__(
        self,
        predictor: Predictor,
        channels: Sequence[str],
        side_px: int,
        masked: bool,
        margin: float,
        batch_cells: int,
        workers: int,
    ) -> None:
        if batch_cells < 1 or workers < 1:
            raise InputError(f"batch_cells and workers must be at least 1; came {batch_cells} and {workers}.")
        self._predictor = predictor
        self._spec = CropSpec(tuple(channels), side_px, masked, margin)
        self._batch_cells = batch_cells
        self._workers = workers

    def predict(self, fields: Sequence[SegmentedField]) -> list[CellPrediction]:
        """Return one prediction a field, cell 1 first; a field without cells gives no rows.

        The network's view of the whole image is left out: it would depend on which cells happened to share a batch.

        Raises:
            InputError: If a field lacks a channel, its label map does not fit, or the network gives no finite result.
        """
        if not fields:
            return []
        counts = [int(item.segmentation.cells.max(initial=0)) for item in fields]
        with ThreadPoolExecutor(self._workers) as executor:
            crops = map_ahead(executor, self._crops_of, fields, self._workers)
            predictions = [self._predictor.predict(batch) for batch in self._batches(crops, counts)]
        if not predictions:
            predictions = [self._predict_no_cell()]
        probabilities = torch.cat([prediction.probabilities for prediction in predictions])
        features = torch.cat([prediction.features for prediction in predictions])
        rows = zip(torch.split(probabilities, counts), torch.split(features, counts), strict=True)
        return [CellPrediction(*row) for row in rows]

    def _crops_of(self, item: SegmentedField) -> Pixels:
        """Return a field's cells, as stored: a field of many cells in floating point would take four times as much."""
        return crop_cells(item.field, item.segmentation, self._spec).pixels

    def _batches(self, fields: Iterable[Pixels], counts: Sequence[int]) -> Iterator[CellBatch]:
        """Yield full batches over the borders of fields; `fields` gives each field's crops, of `counts` cells."""
        field_of_cell = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
        cells = chain.from_iterable(fields)
        start = 0
        while crops := list(islice(cells, self._batch_cells)):
            stop = start + len(crops)
            first, last = int(field_of_cell[start]), int(field_of_cell[stop - 1])
            yield CellBatch(
                crops=torch.stack([_unit_scaled(crop) for crop in crops]),
                image_of_cell=field_of_cell[start:stop] - first,
                cell_id=torch.arange(start, stop),
                cells_in_image=torch.tensor(counts[first : last + 1]),
                image_targets=torch.zeros(last - first + 1, 0),
            )
            start = stop

    def _predict_no_cell(self) -> CellPrediction:
        """Return no rows, as wide as the network's: it sees one black crop, and its row is dropped."""
        black = np.zeros((1, 1, len(self._spec.channels), self._spec.side_px, self._spec.side_px), np.uint8)
        prediction = self._predictor.predict(next(self._batches(black, [1])))
        return CellPrediction(prediction.probabilities[:0], prediction.features[:0])


def _unit_scaled(crop: StoredCrop) -> Float32[Tensor, "channel side side"]:
    """Return intensities in [0, 1]; fields that share a batch may differ in their bit depth."""
    return torch.from_numpy(crop.astype(np.float32)).div_(np.iinfo(crop.dtype).max)
