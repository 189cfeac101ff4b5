"""A small SubCell as it is published: names as transformers writes them, and a slow reading of what it computes."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import gelu, layer_norm

from hpa.models.subcell import SubCellExtractor

WIDTH, DEPTH, HEADS, PATCH_PX, SIDE_PX, POOL_WIDTH, POOL_HEADS = 12, 2, 3, 8, 32, 5, 2
READS = ["red", "yellow", "blue", "green"]
small_subcell = partial(
    SubCellExtractor,
    input_channels=READS,
    side_px=SIDE_PX,
    patch_px=PATCH_PX,
    width=WIDTH,
    depth=DEPTH,
    head_count=HEADS,
    pool_width=POOL_WIDTH,
    pool_head_count=POOL_HEADS,
)


def published(seed: int = 0, channels: int = 4) -> dict[str, Tensor]:
    """Draw weights of every layer."""
    draw = torch.Generator().manual_seed(seed)
    tokens, sizes = 1 + (SIDE_PX // PATCH_PX) ** 2, {}
    sizes["encoder.embeddings.cls_token"] = (1, 1, WIDTH)
    sizes["encoder.embeddings.position_embeddings"] = (1, tokens, WIDTH)
    layers = {"encoder.embeddings.patch_embeddings.projection": (WIDTH, channels, PATCH_PX, PATCH_PX)}
    for number in range(DEPTH):
        block = f"encoder.encoder.layer.{number}"
        layers |= {f"{block}.attention.attention.{part}": (WIDTH, WIDTH) for part in ("query", "key", "value")}
        layers[f"{block}.attention.output.dense"] = (WIDTH, WIDTH)
        layers[f"{block}.intermediate.dense"] = (4 * WIDTH, WIDTH)
        layers[f"{block}.output.dense"] = (WIDTH, 4 * WIDTH)
        layers |= {f"{block}.layernorm_{where}": (WIDTH,) for where in ("before", "after")}
    layers["encoder.layernorm"] = (WIDTH,)
    layers |= {f"pool_model.attention_{part}.0": (POOL_WIDTH, WIDTH) for part in "vu"}
    layers["pool_model.attention"] = (POOL_HEADS, POOL_WIDTH)
    for name, size in layers.items():
        sizes[f"{name}.weight"], sizes[f"{name}.bias"] = size, size[:1]
    return {name: 0.3 * torch.randn(size, generator=draw) for name, size in sizes.items()}


def features(weights: dict[str, Tensor], picture: Tensor) -> Tensor:
    """Compute the features of one picture (channel, side, side), token by token."""

    def linear(name: str, values: Tensor) -> Tensor:
        return values @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    def norm(name: str, values: Tensor) -> Tensor:
        return layer_norm(values, (WIDTH,), weights[f"{name}.weight"], weights[f"{name}.bias"], eps=1e-12)

    picture = (picture - picture.min()) / (picture.max() - picture.min() + 1e-8)
    stem = "encoder.embeddings.patch_embeddings.projection"
    patches = [
        (weights[f"{stem}.weight"] * picture[:, top : top + PATCH_PX, left : left + PATCH_PX]).sum((1, 2, 3))
        + weights[f"{stem}.bias"]
        for top in range(0, SIDE_PX, PATCH_PX)
        for left in range(0, SIDE_PX, PATCH_PX)
    ]
    tokens = torch.cat([weights["encoder.embeddings.cls_token"][0], torch.stack(patches)])
    tokens = tokens + weights["encoder.embeddings.position_embeddings"][0]
    for number in range(DEPTH):
        block = f"encoder.encoder.layer.{number}"
        given = norm(f"{block}.layernorm_before", tokens)
        query, key, value = (linear(f"{block}.attention.attention.{part}", given) for part in ("query", "key", "value"))
        size = WIDTH // HEADS
        heads = []
        for head in range(HEADS):
            part = slice(head * size, (head + 1) * size)
            heads.append((query[:, part] @ key[:, part].T / math.sqrt(size)).softmax(dim=-1) @ value[:, part])
        tokens = tokens + linear(f"{block}.attention.output.dense", torch.cat(heads, dim=1))
        hidden = gelu(linear(f"{block}.intermediate.dense", norm(f"{block}.layernorm_after", tokens)))
        tokens = tokens + linear(f"{block}.output.dense", hidden)
    tokens = norm("encoder.layernorm", tokens)
    gated = linear("pool_model.attention_v.0", tokens).tanh() * gelu(linear("pool_model.attention_u.0", tokens))
    shares = linear("pool_model.attention", gated).softmax(dim=0)
    return torch.cat([(shares[:, [head]] * tokens).sum(dim=0) for head in range(POOL_HEADS)])
