"""Small crops of two classes: bright squares with stripes along or across, each with a mask."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

SIDE_PX = 20


def stripes(seed: int, kind: int, channels: int = 1, dtype: type = np.uint8) -> np.ndarray:
    """Return a crop (height, width, channel): noise of level 10, and a square of stripes of the class."""
    rng = np.random.default_rng((seed, kind))
    crop = rng.integers(8, 13, (SIDE_PX, SIDE_PX, channels))
    pattern = 100 + 60 * (np.arange(14)[:, None] // 2 % 2) + np.zeros((14, 14), int) + seed % 50
    crop[3:17, 3:17] = (pattern if kind == 0 else pattern.T)[..., None]
    return crop.astype(dtype)


def square_mask() -> np.ndarray:
    mask = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    mask[3:17, 3:17] = 255
    return mask


@pytest.fixture
def cells(tmp_path: Path) -> Callable[..., Path]:
    """Write a folder of crops: two classes, specimens of two crops each."""

    def make(
        names: tuple[str, ...] = ("across", "along"), specimens: int = 4, channels: int = 1, masks: bool = True
    ) -> Path:
        folder = tmp_path / "cells"
        for kind, name in enumerate(names):
            for number in range(2 * specimens):
                place = folder / name / f"{name}_specimen{number // 2}"
                place.mkdir(parents=True, exist_ok=True)
                crop = stripes(number, kind, channels)
                if channels == 1:
                    cv2.imwrite(str(place / f"c{number}.png"), crop[..., 0])
                else:
                    np.save(place / f"c{number}.npy", crop)
                if masks:
                    cv2.imwrite(str(place / f"c{number}_mask.png"), square_mask())
        return folder

    return make
