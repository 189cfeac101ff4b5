"""Names of SubCell's published weights, as transformers writes them, turned into those of timm's vision transformer."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

_OWN = ("encoder.", "pool_model.")
"""What the network is made of; a training checkpoint holds decoders and projectors beside it."""
_RULES: tuple[tuple[str, str], ...] = (
    (r"encoder\.embeddings\.cls_token", "network.cls_token"),
    (r"encoder\.embeddings\.position_embeddings", "network.pos_embed"),
    (r"encoder\.embeddings\.patch_embeddings\.projection\.(.+)", r"network.patch_embed.proj.\1"),
    (r"encoder\.encoder\.layer\.(\d+)\.attention\.attention\.(query|key|value)\.(.+)", r"network.blocks.\1.attn.\2.\3"),
    (r"encoder\.encoder\.layer\.(\d+)\.attention\.output\.dense\.(.+)", r"network.blocks.\1.attn.proj.\2"),
    (r"encoder\.encoder\.layer\.(\d+)\.intermediate\.dense\.(.+)", r"network.blocks.\1.mlp.fc1.\2"),
    (r"encoder\.encoder\.layer\.(\d+)\.output\.dense\.(.+)", r"network.blocks.\1.mlp.fc2.\2"),
    (r"encoder\.encoder\.layer\.(\d+)\.layernorm_before\.(.+)", r"network.blocks.\1.norm1.\2"),
    (r"encoder\.encoder\.layer\.(\d+)\.layernorm_after\.(.+)", r"network.blocks.\1.norm2.\2"),
    (r"encoder\.layernorm\.(.+)", r"network.norm.\1"),
    (r"pool_model\.attention_v\.[01]\.(.+)", r"pool.value.\1"),  # 1 behind dropout, which training puts before it
    (r"pool_model\.attention_u\.[01]\.(.+)", r"pool.gate.\1"),
    (r"pool_model\.attention\.(.+)", r"pool.score.\1"),
)


def renamed(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights under timm's names, queries, keys and values joined; unknown names stay as they are."""
    named = {_renamed(name): value for name, value in published.items() if name.startswith(_OWN)}
    for name in [name for name in named if ".attn.query." in name]:
        parts = [name.replace(".query.", f".{part}.") for part in ("query", "key", "value")]
        if all(part in named for part in parts):
            named[name.replace(".query.", ".qkv.")] = torch.cat([named.pop(part) for part in parts])
    return named


def _renamed(name: str) -> str:
    for pattern, replacement in _RULES:
        if re.fullmatch(pattern, name):
            return re.sub(pattern, replacement, name)
    return name
