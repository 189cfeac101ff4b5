"""A trained network as a predictor of cells: evaluation mode, chosen device and precision, results on the CPU."""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

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
        with torch.inference_mode(), autocast(self._device, self._precision):
            output: CellOutput = self._model(_moved(batch, self._device))
        logits = self._checked(output.logits)
        features = output.features.float().cpu()
        if output.image_logits is None:
            return CellPrediction(logits.sigmoid(), features)
        return CellPrediction(logits.sigmoid(), features, self._checked(output.image_logits).sigmoid())

    def _checked(self, logits: Float[Tensor, "row class"]) -> Float[Tensor, "row class"]:
        """Return the logits in float32 on the CPU, or say how many rows are not finite."""
        logits = logits.float().cpu()
        bad = int((~logits.isfinite()).any(dim=1).sum())
        if bad:
            remedy = "set precision=fp32" if self._precision != "fp32" else "look at the image, or choose other weights"
            raise InputError(
                f"the network gave logits that are not finite for {bad} of {len(logits)} rows of a batch at "
                f"precision={self._precision}; {remedy}."
            )
        return logits


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
