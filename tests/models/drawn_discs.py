"""Images full of discs, bright or dim: two classes that are easily told apart, and their exact masks."""

from __future__ import annotations

import numpy as np
import torch

from hpa.interfaces import Instances, PixelBatch

PITCH_PX = 18
RADIUS_PX = (4.0, 7.0)


def disc_batch(seed: int, *, images: int, rows: int, columns: int, channels: int = 1) -> PixelBatch:
    """Draw a jittered grid of discs in each image; the last class is the brightest."""
    rng = np.random.default_rng(seed)
    height, width = rows * PITCH_PX, columns * PITCH_PX
    y, x = np.mgrid[:height, :width]
    pictures = rng.normal(0.1, 0.03, (images, channels, height, width)).astype(np.float32)
    label_maps = np.zeros((images, height, width), np.int64)
    classes = rng.integers(0, 2, (images, rows * columns))
    for image in range(images):
        for number in range(rows * columns):
            centre = (np.array(divmod(number, columns)) + 0.5) * PITCH_PX + rng.uniform(-1.5, 1.5, 2)
            disc = (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < rng.uniform(*RADIUS_PX) ** 2
            label_maps[image][disc] = number + 1
            pictures[image, :, disc] += 0.3 + 0.5 * classes[image, number]
    return PixelBatch(
        images=torch.from_numpy(pictures),
        targets=torch.zeros(images, 0, height, width),
        label_maps=torch.from_numpy(label_maps),
        instance_classes=tuple(torch.from_numpy(classes)),
        image_row=torch.arange(images),
    )


def empty_batch(*, images: int, height: int, width: int, channels: int) -> PixelBatch:
    """Draw noise without any disc."""
    return PixelBatch(
        images=torch.rand(images, channels, height, width),
        targets=torch.zeros(images, 0, height, width),
        label_maps=torch.zeros(images, height, width, dtype=torch.int64),
        instance_classes=(torch.zeros(0, dtype=torch.int64),) * images,
        image_row=torch.arange(images),
    )


def truth_of(batch: PixelBatch, image: int) -> Instances:
    """Return what is true of an image."""
    return Instances(batch.label_maps[image].numpy(), batch.instance_classes[image].numpy())
