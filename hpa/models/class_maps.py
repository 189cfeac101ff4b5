"""Where a network looked: how much each place of a cell's crop contributed to the logit of a class.

Gradient times activation, summed over the features of a place (HiResCAM: Draelos and Carin, 2020, arXiv:2011.08891).
Where a mean of the map and one linear layer follow, these are the class activation maps of Zhou et al. (2016,
arXiv:1512.04150), and the places add up to the logit without its bias. Grad-CAM (Selvaraju et al., 2017,
arXiv:1610.02391) averages the gradient over the map first and may mark places that the network does not use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch
from hpa.models.backbone import TimmBackbone

MIN_PLACES = 7
"""Least places a side of the map that is read: the last one of a ResNet has two on a crop of 64 px, too few to see."""
_BATCH = 16
"""Crops at once: all maps of a network are kept until the gradient is known."""


def class_maps(
    model: nn.Module, crops: Float32[np.ndarray, "cell channel side side"], classes: Int64[np.ndarray, " cell"]
) -> Float32[np.ndarray, "cell side side"]:
    """Return what each place contributed to the logit of one class of each cell, enlarged to the crop.

    The last convolutional map of at least `MIN_PLACES` a side is read (of smaller ones the largest); of a transformer
    the tokens before its last block. It costs one forward pass.

    Args:
        model: Classifies crops, in evaluation mode.
        crops: As the network reads them.
        classes: Number of the class of each cell.

    Raises:
        InputError: If the network has neither maps nor tokens.
    """
    parts = [
        contributions(model, torch.from_numpy(crops[start : start + _BATCH]), classes[start : start + _BATCH])
        for start in range(0, len(crops), _BATCH)
    ]
    maps = np.concatenate(parts) if parts else np.zeros((0, 1, 1), np.float32)
    side = crops.shape[-1]
    enlarged = [cv2.resize(one, (side, side), interpolation=cv2.INTER_CUBIC) for one in maps]
    return np.stack(enlarged) if enlarged else np.zeros((0, side, side), np.float32)


def contributions(
    model: nn.Module, crops: Float[Tensor, "cell channel side side"], classes: Int64[np.ndarray, " cell"]
) -> Float32[np.ndarray, "cell h w"]:
    """Return what each place of the network's own map contributed, as `class_maps` does, for a single batch."""
    device = next(model.parameters()).device
    first = torch.zeros(len(crops), dtype=torch.int64, device=device)
    batch = CellBatch(
        crops=crops.to(device).requires_grad_(),
        image_of_cell=first,
        cell_id=first,
        cells_in_image=torch.tensor([len(crops)], device=device),
        image_targets=torch.zeros(1, 0, device=device),
    )
    grids: list[Tensor] = []
    tokens: list[tuple[Tensor, int]] = []
    hooks = _hooks(model, grids, tokens)
    try:
        with torch.enable_grad():
            logits: Tensor = model(batch).logits
    finally:
        for hook in hooks:
            hook.remove()
    chosen = logits.gather(1, torch.from_numpy(classes)[:, None].to(device)).sum()
    read = tokens[-1][0] if tokens else _finest_of_last(grids)
    (gradient,) = torch.autograd.grad(chosen, read)
    product = (gradient * read).detach().float()
    return _on_grid(product, tokens[-1][1] if tokens else 0).cpu().numpy()


def _hooks(model: nn.Module, grids: list[Tensor], tokens: list[tuple[Tensor, int]]) -> list[RemovableHandle]:
    """Keep the map after each stage of convolutional networks, and the tokens before the last block of transformers.

    Everything that a network knows passes these; a map inside a stage lies beside a shortcut.
    """

    def keep_grid(_module: nn.Module, _inputs: object, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4:
            grids.append(output)

    def keeper_of_tokens(prefix: int) -> Callable[[nn.Module, tuple[Tensor, ...]], None]:
        return lambda _module, inputs: tokens.append((inputs[0], prefix))

    networks: list[Any] = [module.network for module in model.modules() if isinstance(module, TimmBackbone)]
    stages = {network.get_submodule(stage["module"]) for network in networks for stage in network.feature_info}
    transformers: list[Any] = [module for module in model.modules() if isinstance(module, VisionTransformer | Eva)]
    return [
        *(stage.register_forward_hook(keep_grid) for stage in stages),
        *(one.blocks[-1].register_forward_pre_hook(keeper_of_tokens(one.num_prefix_tokens)) for one in transformers),
    ]


def _finest_of_last(grids: list[Tensor]) -> Tensor:
    """Return the last map with enough places, else the last of the largest."""
    sides = [min(_square_axes(grid)) for grid in grids]
    if max(sides, default=1) < 2:
        raise InputError(
            "class maps: a convolutional network or a vision transformer was expected; this one has no map."
        )
    enough = min(MIN_PLACES, max(sides))
    return next(grid for grid, side in zip(reversed(grids), reversed(sides), strict=True) if side >= enough)


def _square_axes(grid: Tensor) -> tuple[int, int]:
    """Return height and width of a map: of square crops, its axes of one length; channels come first or last."""
    _, first, second, third = grid.shape
    return (second, third) if second == third else (first, second) if first == second else (1, 1)


def _on_grid(product: Tensor, prefix: int) -> Float[Tensor, "cell h w"]:
    """Return the sum over the features of each place."""
    if product.ndim == 3:  # (cell, token, feature); tokens of the class and registers come first
        summed = product[:, prefix:].sum(dim=2)
        side = round(summed.shape[1] ** 0.5)
        return summed.reshape(-1, side, side)
    channels_first = product.shape[2] == product.shape[3]
    return product.sum(dim=1 if channels_first else 3)
