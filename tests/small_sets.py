"""Small data sets in the layout of the competition, and the real images where they are at hand."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

CHANNELS = ("red", "green", "blue", "yellow")


def noise(seed: int, height: int = 24, width: int = 32, dtype: type = np.uint8) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, np.iinfo(dtype).max, (height, width)).astype(dtype)


def blobs(seed: int, side: int = 256, count: int = 18) -> np.ndarray:
    """Return four planes of one world: the same cells seen by each channel with another texture, uint8."""
    random = np.random.default_rng(seed)
    cells = np.zeros((side, side), np.float32)
    nuclei = np.zeros((side, side), np.float32)
    for x, y in random.uniform(0, side, (count, 2)):
        centre, axes = (round(x), round(y)), tuple(int(a) for a in random.uniform(side / 18, side / 9, 2))
        angle = random.uniform(0, 180)
        cv2.ellipse(cells, centre, axes, angle, 0, 360, float(random.uniform(0.4, 1)), -1)
        cv2.ellipse(nuclei, centre, (axes[0] // 2, axes[1] // 2), angle, 0, 360, 1.0, -1)
    planes = []
    for k in range(4):
        texture = cv2.GaussianBlur(random.standard_normal((side, side)).astype(np.float32), (0, 0), 2)
        shape = nuclei if k == 2 else cells
        bright = cv2.GaussianBlur(shape, (0, 0), 1.5) * (120 + 60 * texture / texture.std())
        planes.append(np.clip(bright + random.normal(8, 3, (side, side)), 0, 255).astype(np.uint8))
    return np.stack(planes)


def save(plane: np.ndarray, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        Image.fromarray(plane).save(path)
    else:
        tifffile.imwrite(path, plane, photometric="minisblack")
    return path


@pytest.fixture
def make_set(tmp_path: Path) -> Callable[..., Path]:
    """Write a data set: {id: label text} of train.csv, ids of the sample; every image is noise of the given shape."""

    def make(
        train: dict[str, str],
        test: tuple[str, ...] = (),
        shape: tuple[int, int] = (24, 32),
        suffix: str = ".png",
        dtype: type = np.uint8,
    ) -> Path:
        for split, ids in (("train", train), ("test", test)):
            (tmp_path / split).mkdir(exist_ok=True)
            for number, image_id in enumerate(ids):
                for k, channel in enumerate(CHANNELS):
                    plane = noise(10 * number + k, *shape, dtype=dtype)
                    save(plane, tmp_path / split / f"{image_id}_{channel}{suffix}")
        rows = "".join(f"{image_id},{label}\n" for image_id, label in train.items())
        (tmp_path / "train.csv").write_text("ID,Label\n" + rows)
        rows = "".join(f"{image_id},{shape[1]},{shape[0]},0 1 eNoLCAgIMAEABJkBdQ==\n" for image_id in test)
        (tmp_path / "sample_submission.csv").write_text("ID,ImageWidth,ImageHeight,PredictionString\n" + rows)
        return tmp_path

    return make
