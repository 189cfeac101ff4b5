"""A trained network as a predictor of cells: evaluation mode, chosen device and precision, results on the CPU."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from hpa.core.errors import InputError
from hpa.inference.precision import autocast
from hpa.interfaces import CellBatch, CellOutput, CellPrediction


class ModelPredictor:
    """Predicts the cells of a batch with one network.

    Args:
        model: Takes a `CellBatch` and returns a `CellOutput`. It is moved to the device and to evaluation mode.
        device: Where it runs.
        precision: "fp32", "bf16" or "fp16"; weights stay in fp32 (autocast).

    Raises:
        InputError: If a weight is not finite, or the precision is unknown.
    """

    def __init__(self, model: nn.Module, device: torch.device, precision: str) -> None:
        autocast(device, precision)  # a misspelt precision fails here, not after the first field
        _require_finite_weights(model)
        # convolutions of crops run faster channels last, on CPU and GPU alike
        self._model = model.to(device).to(memory_format=torch.channels_last).eval()
        self._device = device
        self._precision = precision

    def predict(self, batch: CellBatch) -> CellPrediction:
        """Return float32 probabilities on the CPU.

        Raises:
            InputError: If a logit is not finite.
        """
        moved = _moved(batch, self._device)
        output = self._forward(moved, self._precision)
        if self._precision != "fp32" and _bad_rows(output):
            output = self._forward(moved, "fp32")  # fp16 overflows beyond 65,504
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

    def _forward(self, batch: CellBatch, precision: str) -> CellOutput:
        """Return what the network says in float32 on the CPU, maps left out."""
        with torch.inference_mode(), autocast(self._device, precision):
            output: CellOutput = self._model(batch)
        image_logits = output.image_logits
        return CellOutput(
            features=output.features.float().cpu(),
            logits=output.logits.float().cpu(),
            image_logits=None if image_logits is None else image_logits.float().cpu(),
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
    """Return the batch on a device, crops channels last."""
    return replace(
        batch,
        crops=batch.crops.to(device, memory_format=torch.channels_last),
        image_of_cell=batch.image_of_cell.to(device),
        cell_id=batch.cell_id.to(device),
        cells_in_image=batch.cells_in_image.to(device),
        image_targets=batch.image_targets.to(device),
        cell_targets=None if batch.cell_targets is None else batch.cell_targets.to(device),
    )
