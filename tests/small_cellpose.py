"""A stand-in for the network of Cellpose 4: the package's own class with one small block in place of 24 large ones.

The package looks up the encoder it builds in a registry; with a small one there, all of its code (and ours) runs as
with the published 305 M parameters.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

WIDTH = 256
TOLD = 192
"""8 x 8 pixels of three channels: what the first so many numbers of a token are."""
WEIGHT = 5000.0
"""Of the numbers that are no pixels: so large that layer norms divide by them alone, and change no pixel."""


def small_encoder(checkpoint: Any = None) -> SimpleNamespace:
    from segment_anything.modeling import ImageEncoderViT

    assert checkpoint is None
    return SimpleNamespace(
        image_encoder=ImageEncoderViT(
            depth=1,
            embed_dim=WIDTH,
            num_heads=4,
            mlp_ratio=0.25,
            norm_layer=partial(nn.LayerNorm, eps=1e-6),
            use_rel_pos=True,
            window_size=14,
            out_chans=WIDTH,
        )
    )


def small_state(seed: int = 0) -> dict[str, Tensor]:
    """Weights of the stand-in, drawn at random."""
    from cellpose.vit import CPSAM

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return CPSAM().state_dict()


def picture_state() -> dict[str, Tensor]:
    """Weights of the stand-in whose planes are its picture: 10 red - 5, 10 yellow - 5 and 16 blue - 8."""
    state = small_state()
    for name in ("attn.proj", "mlp.lin2"):  # the block adds nothing
        state[f"encoder.blocks.0.{name}.weight"].zero_()
        state[f"encoder.blocks.0.{name}.bias"].zero_()
    state["encoder.pos_embed"].zero_()
    patches, bias = state["encoder.patch_embed.proj.weight"], state["encoder.patch_embed.proj.bias"]
    patches.zero_()
    patches[:TOLD] = torch.eye(TOLD).reshape(TOLD, 3, 8, 8)
    bias.zero_()
    bias[TOLD::2], bias[TOLD + 1 :: 2] = WEIGHT, -WEIGHT
    mixed = torch.eye(WIDTH)
    mixed[-1, :TOLD] = -1  # all numbers of a token sum to 0
    state["encoder.neck.0.weight"].copy_(mixed[..., None, None])
    state["encoder.neck.2.weight"].zero_()[:, :, 1, 1] = torch.eye(WIDTH) * WEIGHT / 2
    gain = torch.tensor([10.0, 10.0, 16.0]).repeat_interleave(64)
    state["out.weight"].zero_()[:, :TOLD, 0, 0] = torch.diag(gain) * WEIGHT / 2
    state["out.bias"].copy_(-gain / 2)
    return state


def saved(state: dict[str, Tensor], path: Path) -> Path:
    torch.save(state, path)
    return path
