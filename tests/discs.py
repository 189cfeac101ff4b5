"""Pictures of bright discs with exact label maps: the smallest world that a network of pixels can learn."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from hpa.formats.label_maps import write_label_map


def discs(side_px: int, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a grey picture (uint8) and the label map (int32) of discs, some of which touch; none is hidden."""
    draw = np.random.default_rng(seed)
    label_map = np.zeros((side_px, side_px), np.int32)
    picture = draw.normal(20, 4, label_map.shape)
    number = 0
    for _ in range(40 * count):
        if number == count:
            break
        radius = draw.uniform(5, 8)
        y, x = draw.uniform(0, side_px, 2)
        rows, columns = np.ogrid[:side_px, :side_px]
        disc = (rows - y) ** 2 + (columns - x) ** 2 <= radius**2
        if disc.sum() > 30 and not label_map[disc].any():
            number += 1
            label_map[disc] = number
            picture[disc] += draw.uniform(80, 160)
    return np.clip(picture, 0, 255).astype(np.uint8), label_map


def write_discs(folder: Path, images: int, side_px: int = 64) -> Path:
    """Write a folder as `InstanceFolder` reads it; every third picture is in colour."""
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    rows = []
    for index in range(images):
        image_id, kind = f"disc_{index:02d}", "colour" if index % 3 == 2 else "fluorescence"
        picture, label_map = discs(side_px, 8, index)
        pixels = np.stack([picture] * 3, axis=-1) if kind == "colour" else picture
        cv2.imwrite(str(folder / "images" / f"{image_id}.png"), pixels)
        write_label_map(folder / "labels" / f"{image_id}.png", label_map)
        rows.append({"id": image_id, "kind": kind})
    pd.DataFrame(rows).to_csv(folder / "index.csv", index=False)
    return folder
