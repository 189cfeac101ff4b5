"""What a network sees in the quarters of a cell must agree with what it sees where in the whole: Puzzle-CAM.

A classifier looks at what tells classes apart best and passes over the rest; of a quarter it must use what is there
(Jo and Yu, 2021, arXiv:2101.11253). The winners of the 2021 competition trained their networks of cells with a variant,
the seventh team compared class activations too.
"""

from __future__ import annotations

from dataclasses import replace

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import interpolate

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellModel, CellOutput, Loss, Unit
from hpa.supervision.class_maps import ask_for_maps, maps_of


class PuzzleSupervision(nn.Module):
    """Copied labels for the whole and for its quarters put together, and the distance of both class activation maps.

    The distance is the mean absolute difference of logits, place by place, of the classes that the image is told.

    Args:
        loss: Compares logits with targets.
        tile_weight: Multiplies the loss of the quarters, >= 0; 1 in the paper.
        agreement_weight: Multiplies the distance at the end, >= 0; 4 in the paper.
        ramp_up: Share of training over which that weight grows from 0, in (0, 1]; 1/2 in the paper.

    Raises:
        InputError: If a number is out of its range.
    """

    unit: Unit = "cell"

    def __init__(self, loss: Loss, tile_weight: float, agreement_weight: float, ramp_up: float) -> None:
        super().__init__()
        if not (tile_weight >= 0 and agreement_weight >= 0 and 0 < ramp_up <= 1):
            raise InputError(
                "supervision: tile_weight and agreement_weight must be 0 or more, ramp_up above 0 and at most 1; came "
                f"{tile_weight}, {agreement_weight} and {ramp_up}."
            )
        self.loss = loss
        self.tile_weight = tile_weight
        self.agreement_weight = agreement_weight
        self.ramp_up = ramp_up

    def attach(self, model: CellModel) -> None:
        """Ask the network for class maps.

        Raises:
            InputError: If it makes none.
        """
        ask_for_maps(model)

    def terms(self, model: nn.Module, batch: CellBatch, progress: float) -> dict[str, Float[Tensor, ""]]:
        """Return the terms `cells`, `tiles` and `agreement`."""
        output: CellOutput = model(batch)
        whole, merged = maps_of(output), _merged(maps_of(model(_quarters(batch))))
        told = batch.image_targets[batch.image_of_cell]
        distance = (whole - interpolate(merged, whole.shape[-2:], mode="area")).abs().mean(dim=(2, 3))
        weight = self.agreement_weight * min(1.0, progress / self.ramp_up)
        return {
            "cells": self.loss(output.logits, told),
            "tiles": self.tile_weight * self.loss(merged.mean(dim=(2, 3)), told),
            "agreement": weight * (distance * told).mean(),
        }


def _quarters(batch: CellBatch) -> CellBatch:
    """Return the quarters of all crops: the four of the first, upper left, upper right, lower left, lower right."""
    cells, channels, _, side = batch.crops.shape
    half = side // 2
    parts = batch.crops[..., : 2 * half, : 2 * half].reshape(cells, channels, 2, half, 2, half)
    # (cell, channel, rows, row, columns, column) -> (cell, rows, columns, channel, row, column)
    crops = parts.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)
    truth = None if batch.cell_targets is None else batch.cell_targets.repeat_interleave(4, dim=0)
    return replace(
        batch,
        crops=crops,
        image_of_cell=batch.image_of_cell.repeat_interleave(4),
        cell_id=batch.cell_id.repeat_interleave(4),
        cell_targets=truth,
    )


def _merged(maps: Float[Tensor, "tile class h w"]) -> Float[Tensor, "cell class height width"]:
    """Return the maps of quarters put together."""
    _, classes, height, width = maps.shape
    parts = maps.reshape(-1, 2, 2, classes, height, width)  # (cell, rows, columns, class, row, column)
    return parts.permute(0, 3, 1, 4, 2, 5).reshape(-1, classes, 2 * height, 2 * width)
