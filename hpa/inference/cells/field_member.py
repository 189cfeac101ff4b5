"""A member of an ensemble whose network sees each field once and pools its map under the cells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from hpa.cells.fields.spec import FieldSpec, coverage_of, resized_field
from hpa.core.errors import InputError
from hpa.inference.lookahead import map_ahead
from hpa.interfaces import CellBatch, CellPrediction, FieldBatch, Predictor, SegmentedField

_Shown = tuple[Float32[Tensor, "channel side side"], Float32[Tensor, "_ grid grid"]]


class FieldMember:
    """Predicts fields with a network of whole images, several in a forward pass as long as their cells are few.

    Args:
        predictor: Network, or test-time augmentation around it.
        channels: Channels the network was trained on, in order.
        side_px: Side that a field is shown at.
        stride: Side of a place of the network's map, px.
        batch_cells: Fields share a forward pass while they hold no more cells than this; a larger one goes alone.
        workers: Threads that shrink the next fields while the network runs.
    """

    def __init__(
        self, predictor: Predictor, channels: Sequence[str], side_px: int, stride: int, batch_cells: int, workers: int
    ) -> None:
        if batch_cells < 1 or workers < 1:
            raise InputError(f"batch_cells and workers must be at least 1; came {batch_cells} and {workers}.")
        self._predictor = predictor
        self._spec = FieldSpec(tuple(channels), side_px)
        self._stride = stride
        self._grid = self._spec.grid_of(stride)
        self._batch_cells = batch_cells
        self._workers = workers

    def predict(self, fields: Sequence[SegmentedField]) -> list[CellPrediction]:
        """Return one prediction a field, cell 1 first; a field without cells gives no rows.

        Raises:
            InputError: If a field lacks a channel, its label map does not fit, or the network gives no finite result.
        """
        counts = [int(item.segmentation.cells.max(initial=0)) for item in fields]
        with_cells = [item for item, count in zip(fields, counts, strict=True) if count]
        with ThreadPoolExecutor(self._workers) as executor:
            shown = map_ahead(executor, self._show, with_cells, self._workers)
            predicted = iter([row for batch in self._batches(shown) for row in self._predict(batch)])
        if all(counts):
            return list(predicted)
        empty = self._predict_no_cell()
        return [next(predicted) if count else empty for count in counts]

    def _show(self, item: SegmentedField) -> _Shown:
        """Return a field as the network sees it, intensities in [0, 1], and where its cells lie."""
        size = item.field.pixels.shape[1:]
        if item.segmentation.cells.shape != size:
            raise InputError(
                f"{item.field.image_id}: the label map of cells must have the size of the field, {size}; it has "
                f"{item.segmentation.cells.shape}. Segment this very image again."
            )
        planes = resized_field(item.field, self._spec)
        image = torch.from_numpy(planes.astype(np.float32)).div_(np.iinfo(planes.dtype).max)
        return image, torch.from_numpy(coverage_of(item.segmentation.cells, self._spec, self._stride))

    def _batches(self, fields: Iterable[_Shown]) -> Iterator[list[_Shown]]:
        """Yield fields that share a forward pass."""
        waiting: list[_Shown] = []
        held = 0
        for shown in fields:
            if waiting and held + len(shown[1]) > self._batch_cells:
                yield waiting
                waiting, held = [], 0
            waiting.append(shown)
            held += len(shown[1])
        if waiting:
            yield waiting

    def _predict(self, shown: Sequence[_Shown]) -> list[CellPrediction]:
        """Return one prediction a field of a batch."""
        images, coverage = zip(*shown, strict=True)
        counts = torch.tensor([len(one) for one in coverage])
        cell_count = int(counts.sum())
        batch = CellBatch(
            crops=torch.zeros(cell_count, len(self._spec.channels), 0, 0),
            image_of_cell=torch.arange(len(counts)).repeat_interleave(counts),
            cell_id=torch.arange(cell_count),
            cells_in_image=counts,
            image_targets=torch.zeros(len(counts), 0),
            fields=FieldBatch(torch.stack(images), torch.cat(coverage)),
        )
        prediction = self._predictor.predict(batch)
        split = counts.tolist()
        rows = zip(torch.split(prediction.probabilities, split), torch.split(prediction.features, split), strict=True)
        return [CellPrediction(*row) for row in rows]

    def _predict_no_cell(self) -> CellPrediction:
        """Return no rows, as wide as the network's: it sees a black image that is all cell, and the row is dropped."""
        side_px, grid = self._spec.side_px, self._grid
        black = torch.zeros(len(self._spec.channels), side_px, side_px)
        [prediction] = self._predict([(black, torch.full((1, grid, grid), 1 / grid**2))])
        return CellPrediction(prediction.probabilities[:0], prediction.features[:0])
