"""SubCell: a vision transformer trained on the cells of the Human Protein Atlas.

Gupta et al., 2024 (bioRxiv 2024.12.06.627299): ViT-B/16 (Dosovitskiy et al., 2021) on masked cells of 448 px, trained
by masked reconstruction and by contrast of cells and proteins; two gated attentions (Ilse, Tomczak and Welling, 2018)
pool its tokens into 1,536 features. Published weights exist for red, yellow, blue, green and for fewer channels, under
the names of transformers, which are translated to those of timm.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial

import torch
from jaxtyping import Float
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torch.nn.functional import gelu, interpolate

from hpa.core.errors import InputError
from hpa.models.frozen import channel_indices
from hpa.models.weights import differences, read_weights
from hpa.published.registry import local_file, published_files

FAMILY = "subcell"
_MIN_RANGE = 1e-8
"""Added to the range of a cell, so that an empty one stays black, as where the weights were trained."""


class SubCellExtractor(nn.Module):
    """Features of the published network.

    Attributes:
        feature_count: Length of a feature vector: `width` times `pool_head_count`.

    Args:
        weights: A local file with the published encoder and pool, `hub:subcell` for the published one that reads
            these channels, or None.
        channels: Channels of the crops, in order.
        input_channels: Channels that the weights were trained on, in their order; None: of the sets that published
            weights read, the largest that the crops have.
        side_px: Side that crops are resized to.
        patch_px: Side of a patch.
        width: Length of a token.
        depth: Number of blocks.
        head_count: Attention heads of a block.
        pool_width: Hidden width of the gated attentions that pool tokens.
        pool_head_count: How many there are.

    Raises:
        InputError: If the weights cannot be read or do not fit, or the crops lack a channel.
    """

    def __init__(
        self,
        weights: str | None,
        channels: Sequence[str],
        input_channels: Sequence[str] | None,
        side_px: int,
        patch_px: int,
        width: int,
        depth: int,
        head_count: int,
        pool_width: int,
        pool_head_count: int,
    ) -> None:
        super().__init__()
        reads = _published_channels(channels) if input_channels is None else tuple(input_channels)
        self._indices = channel_indices(reads, channels)
        self._side_px = side_px
        self.network = VisionTransformer(
            img_size=side_px,
            patch_size=patch_px,
            in_chans=len(reads),
            num_classes=0,
            global_pool="",
            embed_dim=width,
            depth=depth,
            num_heads=head_count,
            norm_layer=partial(nn.LayerNorm, eps=1e-12),  # as published
        )
        self.pool = GatedAttentions(width, pool_width, pool_head_count)
        self.feature_count = width * pool_head_count
        if weights is not None:
            self._fill(weights, reads)

    def forward(self, crops: Float[Tensor, "cell channel side side"]) -> Float[Tensor, "cell feature"]:
        """Return the features of each cell."""
        read = crops[:, self._indices]
        if read.shape[-2:] != (self._side_px, self._side_px):
            read = interpolate(read, (self._side_px, self._side_px), mode="bilinear", antialias=True)
        darkest, brightest = (end(dim=(1, 2, 3), keepdim=True) for end in (read.amin, read.amax))
        return self.pool(self.network((read - darkest) / (brightest - darkest + _MIN_RANGE)))

    def _fill(self, weights: str, input_channels: Sequence[str]) -> None:
        file = local_file(weights, "model.weights", input_channels)
        found, expected = timm_names(read_weights(file)), self.state_dict()
        problems = differences(expected, found)
        if problems:
            raise InputError(
                f"model.weights: '{weights}' does not fit SubCell as model.extractor sets it: {'; '.join(problems)}. "
                "Give the published encoder, and model.extractor.input_channels as many channels as it was trained on."
            )
        self.load_state_dict(found)


def _published_channels(channels: Sequence[str]) -> tuple[str, ...]:
    """Return the largest set of channels that published weights read and the crops have; all four where none fits."""
    sets = sorted((file.reads for file in published_files().values() if file.family == FAMILY), key=len, reverse=True)
    return next((reads for reads in sets if set(reads) <= set(channels)), sets[0])


class GatedAttentions(nn.Module):
    """Weighted means of tokens, one after the other, by weights that sum to 1 over the tokens.

    Args:
        width: Length of a token.
        hidden_count: Width of the gate and of what it lets through.
        head_count: How many weighted means.
    """

    def __init__(self, width: int, hidden_count: int, head_count: int) -> None:
        super().__init__()
        self.value = nn.Linear(width, hidden_count)
        self.gate = nn.Linear(width, hidden_count)
        self.score = nn.Linear(hidden_count, head_count)

    def forward(self, tokens: Float[Tensor, "cell token width"]) -> Float[Tensor, "cell feature"]:
        """Return the means."""
        scores = self.score(torch.tanh(self.value(tokens)) * gelu(self.gate(tokens)))
        return torch.einsum("cth,ctw->chw", scores.softmax(dim=1), tokens).flatten(1)


_PREFIXES = ("encoder.", "pool_model.")
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


def timm_names(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights under timm's names, queries, keys and values concatenated; unknown names stay as they are."""
    named = {_renamed(name): value for name, value in published.items() if name.startswith(_PREFIXES)}
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
