"""A toy of tissue: two organs that differ in the direction of their stripes, seen at several pixel sizes."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from hpa.interfaces import PixelBatch, PixelOutput

ORGANS = ("kidney", "lung")
SIDE_PX = 32
STRIPE_UM = 8.0


class SmallEncoder(nn.Module):
    """A dense network small enough for a test, with features as `UnetModel` gives them."""

    feature_count = 16

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 7, padding=3), nn.ReLU(), nn.Conv2d(16, 16, 5, padding=2), nn.ReLU()
        )
        self.head = nn.Conv2d(16, 1, 1)

    def forward(self, batch: PixelBatch) -> PixelOutput:
        maps = self.encoder(batch.images)
        return PixelOutput(self.head(maps), maps.mean(dim=(2, 3)))


def sections(seed: int, count: int = 8) -> PixelBatch:
    """Draw sections whose mask is the bright half of the stripes."""
    draw = torch.Generator().manual_seed(seed)
    organ = torch.randint(0, 2, (count,), generator=draw)
    pixel_um = 2 ** torch.empty(count).uniform_(-1, 1, generator=draw)
    places = torch.arange(SIDE_PX, dtype=torch.float32)
    waves = [torch.sin(2 * math.pi * places * float(um) / STRIPE_UM + seed) for um in pixel_um]
    images = torch.stack([_striped(wave, bool(across)) for wave, across in zip(waves, organ, strict=True)])[:, None]
    return PixelBatch(
        images=images,
        targets=(images > 0).float(),
        label_maps=(images[:, 0] > 0).int(),
        instance_classes=tuple(torch.zeros(1, dtype=torch.int64) for _ in range(count)),
        image_row=torch.arange(count),
        organs=tuple(ORGANS[int(number)] for number in organ),
        pixel_um=pixel_um,
    )


def _striped(wave: Tensor, across: bool) -> Tensor:
    rows = wave[:, None].expand(SIDE_PX, SIDE_PX)
    return rows.T if across else rows
