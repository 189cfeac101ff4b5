"""What a network sees in a cell must stay where it is when another cell's piece covers a part of it: CAM consistency.

Class activation maps of a crop that is cut together from two must be those of the two, cut together alike: CutMix (Yun,
Han, Oh, Chun, Choe and Yoo, 2019, arXiv:1905.04899) on the side of the maps, equivariance as in Wang, Zhang, Kan, Shan
and Chen, 2020 (arXiv:2004.04581). The seventh team of the 2021 competition compared maps of weakly changed and of
cut-together images; it reports .531 (public) before any round of pseudo-labels.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import interpolate

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, CellModel, CellOutput, Loss, Unit
from hpa.supervision.class_maps import ask_for_maps, maps_of


class CamConsistencySupervision(nn.Module):
    """Copied labels for crops and for mixed ones, and the distance of the mixed maps from the maps mixed.

    The distance is the mean absolute difference of logits, place by place, of the classes that either image is told;
    the maps of the whole crops are what is aimed at, so only those of the mixed ones move.

    Args:
        loss: Compares logits with targets.
        mixed_weight: Multiplies the loss of the mixed crops, >= 0.
        agreement_weight: Multiplies the distance at the end, >= 0.
        ramp_up: Share of training over which that weight grows from 0, in (0, 1].

    Raises:
        InputError: If a number is out of its range.
    """

    unit: Unit = "cell"

    def __init__(self, loss: Loss, mixed_weight: float, agreement_weight: float, ramp_up: float) -> None:
        super().__init__()
        if not (mixed_weight >= 0 and agreement_weight >= 0 and 0 < ramp_up <= 1):
            raise InputError(
                "supervision: mixed_weight and agreement_weight must be 0 or more, ramp_up above 0 and at most 1; came "
                f"{mixed_weight}, {agreement_weight} and {ramp_up}."
            )
        self.loss = loss
        self.mixed_weight = mixed_weight
        self.agreement_weight = agreement_weight
        self.ramp_up = ramp_up

    def attach(self, model: CellModel) -> None:
        """Ask the network for class maps.

        Raises:
            InputError: If it makes none.
        """
        ask_for_maps(model)

    def terms(self, model: nn.Module, batch: CellBatch, progress: float) -> dict[str, Float[Tensor, ""]]:
        """Return the terms `cells`, `mixed` and `agreement`."""
        output: CellOutput = model(batch)
        told, partner = batch.image_targets[batch.image_of_cell], torch.randperm(len(batch))
        partner, cut = partner.to(told.device), _rectangles(len(batch), batch.crops.shape[-1]).to(told.device)
        mixed: CellOutput = model(replace(batch, crops=_mixed(batch.crops, partner, cut)))
        share = cut.mean(dim=(2, 3))
        whole, seen = maps_of(output).detach(), maps_of(mixed)
        aim = _mixed(whole, partner, interpolate(cut, whole.shape[-2:], mode="area"))
        distance = (seen - aim).abs().mean(dim=(2, 3)) * told.maximum(told[partner])
        weight = self.agreement_weight * min(1.0, progress / self.ramp_up)
        return {
            "cells": self.loss(output.logits, told),
            "mixed": self.mixed_weight * self.loss(mixed.logits, (1 - share) * told + share * told[partner]),
            "agreement": weight * distance.mean(),
        }


def _rectangles(count: int, side_px: int) -> Float[Tensor, "count 1 side side"]:
    """Draw a rectangle for each crop, of an area even between none and half of it, around a place anywhere in it."""
    half = side_px * (torch.rand(count) / 2).sqrt() / 2
    centre = side_px * torch.rand(2, count)
    inside = (torch.arange(side_px) + 0.5 - centre[:, :, None]).abs() < half[:, None]  # (axis, count, side)
    return (inside[0][:, :, None] & inside[1][:, None, :])[:, None].float()


def _mixed(
    of_cell: Float[Tensor, "cell plane h w"], partner: Int[Tensor, " cell"], cut: Float[Tensor, "cell 1 h w"]
) -> Float[Tensor, "cell plane h w"]:
    return torch.lerp(of_cell, of_cell[partner], cut.to(of_cell.dtype))
