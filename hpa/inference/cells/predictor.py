"""A trained network as a predictor of cells: evaluation mode, chosen device and precision, results on the CPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.device import autocast
from hpa.inference.compilation import compiled
from hpa.interfaces import CellBatch, CellOutput, CellPrediction, FieldBatch, SeesFields

CLOSE_LOGITS = 0.02
"""How near the two most probable classes of a cell must come in bf16 for the cell to be predicted again in fp32.

The most probable class then stays the same in all of 1,314 cells of three trained networks, and 2 % to 6 % of the cells
are predicted twice; without it, bf16 changed that class in .2 % to .7 % of them.
"""
MAX_SHARE_CLOSE = 0.125
"""No cell of a batch is predicted again where more than this share of them are close calls (and more than four).

A network that was hardly trained gives all classes nearly the same logits: all its cells are close calls, and to see
them twice would take longer than fp32 alone. The score ranks the confidences within a class, which bf16 leaves as they
are but for neighbours.
"""
MAX_SHARE_AGAIN = 0.0625
"""The closest calls of a batch are predicted again, up to this share of its cells (or four).

On a processor that takes half the time in bf16 this leaves at least 1.7 times the speed of fp32.
"""
_ALWAYS_AGAIN = 4


class ModelPredictor:
    """Predicts the cells of a batch with one network.

    In bf16, cells whose most probable class is a close call are predicted a second time in fp32, if they are few.

    Args:
        model: Takes a `CellBatch` and returns a `CellOutput`. It is moved to the device and to evaluation mode.
        device: Where it runs.
        precision: "fp32", "bf16" or "fp16"; weights stay in fp32 (autocast).
        compiles: Whether the network is compiled for this machine; the second pass is not.

    Attributes:
        stride: Side of a place of the network's maps in px where it sees whole fields; None where it sees crops.

    Raises:
        InputError: If a weight is not finite, the precision is unknown, or there is no compiler.
    """

    def __init__(self, model: nn.Module, device: torch.device, precision: str, compiles: bool = False) -> None:
        autocast(device, precision)  # a misspelt precision fails here, not after the first field
        _require_finite_weights(model)
        # convolutions of crops run faster channels last, on CPU and GPU alike
        self._model = model.to(device).to(memory_format=torch.channels_last).eval()
        self._fast = compiled(self._model, device) if compiles else self._model
        self.stride = model.stride if isinstance(model, SeesFields) else None
        self._device = device
        self._precision = precision

    def predict(self, batch: CellBatch) -> CellPrediction:
        """Return float32 probabilities on the CPU.

        Raises:
            InputError: If a logit is not finite.
        """
        moved = _moved(batch, self._device)
        output = self._forward(self._fast, moved, self._precision)
        if self._precision != "fp32" and _bad_rows(output):
            output = self._forward(self._model, moved, "fp32")  # fp16 overflows beyond 65,504
        elif self._precision == "bf16":
            output = self._predicted_again(moved, _close_calls(output), output)
        bad = _bad_rows(output)
        if bad:
            raise InputError(
                f"the network gave logits that are not finite, in {bad} of the rows for {len(batch)} cells; look at "
                "the image, or choose another checkpoint."
            )
        image_logits = output.image_logits
        return CellPrediction(
            output.logits.sigmoid(), output.features, None if image_logits is None else image_logits.sigmoid()
        )

    def _predicted_again(self, batch: CellBatch, cells: Int64[Tensor, " close"], output: CellOutput) -> CellOutput:
        """Return the output with some cells of the batch as fp32 gives them."""
        if len(cells) == 0:
            return output
        again = self._forward(self._model, _cells_of(batch, cells.to(self._device)), "fp32")
        return replace(
            output,
            logits=output.logits.index_put((cells,), again.logits),
            features=output.features.index_put((cells,), again.features),
        )

    def _forward(self, model: Callable[..., CellOutput], batch: CellBatch, precision: str) -> CellOutput:
        """Return the network's output in float32 on the CPU, maps left out."""
        with torch.inference_mode(), autocast(self._device, precision):
            output = model(batch)
        image_logits = output.image_logits
        return CellOutput(
            features=output.features.float().cpu(),
            logits=output.logits.float().cpu(),
            image_logits=None if image_logits is None else image_logits.float().cpu(),
        )


def _close_calls(output: CellOutput) -> Int64[Tensor, " close"]:
    """Return the rows whose two largest logits are too near to be distinguished in bf16, the closest, if few are."""
    none = torch.empty(0, dtype=torch.int64)
    if output.logits.shape[1] < 2:
        return none
    first, second = output.logits.topk(2, dim=1).values.unbind(dim=1)
    gap = first - second
    close = (gap < CLOSE_LOGITS).nonzero()[:, 0]
    if len(close) > max(_ALWAYS_AGAIN, MAX_SHARE_CLOSE * len(gap)):
        return none
    most = max(_ALWAYS_AGAIN, int(MAX_SHARE_AGAIN * len(gap)))
    return close[gap[close].argsort(stable=True)[:most]].sort().values


def _cells_of(batch: CellBatch, cells: Int64[Tensor, " close"]) -> CellBatch:
    """Return some cells of a batch, with their images alone."""
    images, image_of_cell = torch.unique(batch.image_of_cell[cells], return_inverse=True)
    fields = batch.fields
    return CellBatch(
        crops=batch.crops[cells].contiguous(memory_format=torch.channels_last),
        image_of_cell=image_of_cell,
        cell_id=batch.cell_id[cells],
        cells_in_image=batch.cells_in_image[images],
        image_targets=batch.image_targets[images],
        fields=None if fields is None else FieldBatch(fields.images[images], fields.coverage[cells]),
    )


def _bad_rows(output: CellOutput) -> int:
    """Count the rows of cells and images that hold a logit that is not finite."""
    tables = [output.logits] if output.image_logits is None else [output.logits, output.image_logits]
    return sum(int((~logits.isfinite()).any(dim=1).sum()) for logits in tables)


def _require_finite_weights(model: nn.Module) -> None:
    """Raise InputError if weights or running statistics hold NaN or infinity."""
    for name, values in model.state_dict().items():
        if values.is_floating_point() and not bool(values.isfinite().all()):
            raise InputError(
                f"the weights of '{name}' are not finite: this training failed; choose another checkpoint."
            )


def _moved(batch: CellBatch, device: torch.device) -> CellBatch:
    """Return the batch on a device, pictures channels last."""
    fields = batch.fields
    if fields is not None:
        images = fields.images.to(device, memory_format=torch.channels_last)
        fields = FieldBatch(images, fields.coverage.to(device))
    return replace(
        batch,
        crops=batch.crops.to(device, memory_format=torch.channels_last),
        image_of_cell=batch.image_of_cell.to(device),
        cell_id=batch.cell_id.to(device),
        cells_in_image=batch.cells_in_image.to(device),
        image_targets=batch.image_targets.to(device),
        cell_targets=None if batch.cell_targets is None else batch.cell_targets.to(device),
        fields=fields,
    )
