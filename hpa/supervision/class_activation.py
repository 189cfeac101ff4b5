"""Agreement of class activation maps between a crop and its parts: Puzzle-CAM and CAM consistency.

A classifier uses what separates classes best and ignores the rest. Puzzle-CAM: in a quarter of the cell it must use
what is there, and the maps of the quarters must agree with that of the whole (Jo and Yu, 2021, arXiv:2101.11253); the
winners of the 2021 competition trained their networks of cells with a variant. CAM consistency: the map of a crop into
which a rectangle of another one is pasted must be the two maps, pasted alike: CutMix (Yun, Han, Oh, Chun, Choe and Yoo,
2019, arXiv:1905.04899) applied to the maps, equivariance as in Wang, Zhang, Kan, Shan and Chen, 2020
(arXiv:2004.04581); the seventh team of the 2021 competition trained so and reports .531 (public) without pseudo-labels.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import interpolate

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellModel, CellOutput, GivesMaps, Loss, StepResult, Supervision


class PuzzleSupervision(nn.Module, Supervision):
    """Copied labels for the whole and for its merged quarters, and the distance of both class activation maps.

    The distance is the mean absolute difference of logits, place by place, of the classes that label the image.

    Args:
        loss: Compares logits with targets.
        tile_weight: Multiplies the loss of the quarters, >= 0; 1 in the paper.
        agreement_weight: Multiplies the distance at the end, >= 0; 4 in the paper.
        ramp_up: Share of training over which that weight grows from 0, in (0, 1]; 1/2 in the paper.
        model: The network, which must have class activation maps.

    Raises:
        InputError: If a number is out of its range, or the network has no maps.
    """

    def __init__(
        self, loss: Loss, tile_weight: float, agreement_weight: float, ramp_up: float, model: CellModel
    ) -> None:
        super().__init__()
        _require_numbers("tile_weight", tile_weight, agreement_weight, ramp_up)
        self.loss = loss
        self.tile_weight = tile_weight
        self.agreement_weight = agreement_weight
        self.ramp_up = ramp_up
        _switch_maps_on(model)

    def step(self, model: nn.Module, batch: CellBatch, progress: float) -> StepResult:
        """Return the terms `cells`, `tiles` and `agreement`."""
        output: CellOutput = model(batch)
        whole, merged = _maps_of(output), _merged(_maps_of(model(_quarters(batch))))
        targets = batch.image_targets[batch.image_of_cell]
        distance = (whole - interpolate(merged, whole.shape[-2:], mode="area")).abs().mean(dim=(2, 3))
        weight = self.agreement_weight * min(1.0, progress / self.ramp_up)
        terms = {
            "cells": self.loss(output.logits, targets),
            "tiles": self.tile_weight * self.loss(merged.mean(dim=(2, 3)), targets),
            "agreement": weight * (distance * targets).mean(),
        }
        return StepResult(terms, output)


class CamConsistencySupervision(nn.Module, Supervision):
    """Copied labels for crops and for mixed ones, and the distance of the mixed crops' maps from the mixed maps.

    The distance is the mean absolute difference of logits, place by place, of the classes that label either image; the
    maps of the whole crops are its target, so gradients flow through those of the mixed ones alone.

    Args:
        loss: Compares logits with targets.
        mixed_weight: Multiplies the loss of the mixed crops, >= 0.
        agreement_weight: Multiplies the distance at the end, >= 0.
        ramp_up: Share of training over which that weight grows from 0, in (0, 1].
        model: The network, which must have class activation maps.

    Raises:
        InputError: If a number is out of its range, or the network has no maps.
    """

    def __init__(
        self, loss: Loss, mixed_weight: float, agreement_weight: float, ramp_up: float, model: CellModel
    ) -> None:
        super().__init__()
        _require_numbers("mixed_weight", mixed_weight, agreement_weight, ramp_up)
        self.loss = loss
        self.mixed_weight = mixed_weight
        self.agreement_weight = agreement_weight
        self.ramp_up = ramp_up
        _switch_maps_on(model)

    def step(self, model: nn.Module, batch: CellBatch, progress: float) -> StepResult:
        """Return the terms `cells`, `mixed` and `agreement`."""
        output: CellOutput = model(batch)
        targets, partner = batch.image_targets[batch.image_of_cell], torch.randperm(len(batch))
        partner, pasted = partner.to(targets.device), _rectangles(len(batch), batch.crops.shape[-1]).to(targets.device)
        mixed: CellOutput = model(replace(batch, crops=_mixed(batch.crops, partner, pasted), corrected_targets=None))
        share = pasted.mean(dim=(2, 3))
        whole, found = _maps_of(output).detach(), _maps_of(mixed)
        expected = _mixed(whole, partner, interpolate(pasted, whole.shape[-2:], mode="area"))
        distance = (found - expected).abs().mean(dim=(2, 3)) * targets.maximum(targets[partner])
        weight = self.agreement_weight * min(1.0, progress / self.ramp_up)
        terms = {
            "cells": self.loss(output.logits, targets),
            "mixed": self.mixed_weight * self.loss(mixed.logits, (1 - share) * targets + share * targets[partner]),
            "agreement": weight * distance.mean(),
        }
        return StepResult(terms, output)


def _require_numbers(name: str, loss_weight: float, agreement_weight: float, ramp_up: float) -> None:
    if not (loss_weight >= 0 and agreement_weight >= 0 and 0 < ramp_up <= 1):
        raise InputError(
            f"supervision: {name} and agreement_weight must be 0 or more, ramp_up above 0 and at most 1; came "
            f"{loss_weight}, {agreement_weight} and {ramp_up}."
        )


def _switch_maps_on(model: CellModel) -> None:
    if not isinstance(model, GivesMaps):
        raise InputError("this supervision= compares class maps of crops; write model.view=crop.")
    model.gives_maps = True


def _maps_of(output: CellOutput) -> Float[Tensor, "cell class h w"]:
    if output.maps is None:
        raise InputError("this supervision= needs the class maps of the network that it was built with.")
    return output.maps


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
        corrected_targets=None,
    )


def _merged(maps: Float[Tensor, "tile class h w"]) -> Float[Tensor, "cell class height width"]:
    """Return the maps of the quarters put together."""
    _, classes, height, width = maps.shape
    parts = maps.reshape(-1, 2, 2, classes, height, width)  # (cell, rows, columns, class, row, column)
    return parts.permute(0, 3, 1, 4, 2, 5).reshape(-1, classes, 2 * height, 2 * width)


def _rectangles(count: int, side_px: int) -> Float[Tensor, "count 1 side side"]:
    """Draw a rectangle for each crop, of uniform area between none and half of it, around a random place in it."""
    half = side_px * (torch.rand(count) / 2).sqrt() / 2
    centre = side_px * torch.rand(2, count)
    inside = (torch.arange(side_px) + 0.5 - centre[:, :, None]).abs() < half[:, None]  # (axis, count, side)
    return (inside[0][:, :, None] & inside[1][:, None, :])[:, None].float()


def _mixed(
    of_cell: Float[Tensor, "cell plane h w"], partner: Int[Tensor, " cell"], pasted: Float[Tensor, "cell 1 h w"]
) -> Float[Tensor, "cell plane h w"]:
    return torch.lerp(of_cell, of_cell[partner], pasted.to(of_cell.dtype))
