"""`batch_augment=standard` changes crops as `augment=standard` does: the same distribution of what comes out."""

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from scipy.stats import ks_2samp

from hpa.config import build, plain
from hpa.interfaces import CellBatch
from tests.cells.batches import CONF, shipped_step

DRAWS, SIDE = 500, 129


def cell() -> np.ndarray:
    """Return a crop whose parts weigh differently: (channel, side, side), black outside a disc."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    inside = x**2 + y**2 < 0.6
    ellipse = (x / 0.5) ** 2 + (y / 0.25) ** 2 < 1
    return (np.stack([0.3 + 0.4 * ellipse, 0.5 + 0.3 * x, 0.4 - 0.2 * y]) * inside).astype(np.float32)


def config(slot: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", overrides=[f"{slot}=standard"])[slot]


def one_by_one() -> np.ndarray:
    """Return crops that albumentations changed, all of them by every transform."""
    parts = config("augment")
    for transform in parts.transforms:
        transform.p = 1.0
    augment = build(plain(parts))
    crop = np.ascontiguousarray(cell().transpose(1, 2, 0))
    return np.stack([augment(crop, crop.any(axis=2), seed).transpose(2, 0, 1) for seed in range(DRAWS)])


def at_once() -> np.ndarray:
    """Return crops of one batch, all of them changed by every step."""
    words = [f"batch_augment.steps.{name}.probability=1.0" for name in ("warp", "brightness_contrast")]
    torch.manual_seed(0)
    number = torch.arange(DRAWS)
    crops = torch.from_numpy(cell()).expand(DRAWS, -1, -1, -1)
    return shipped_step("standard", *words)(
        CellBatch(crops, number, number, number, torch.zeros(DRAWS, 1))
    ).crops.numpy()


def measures(crops: np.ndarray) -> dict[str, np.ndarray]:
    """Return numbers that each of the changes moves, one a crop."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    mass = crops.sum(axis=(2, 3))
    brightest = crops[:, 0].max(axis=(1, 2), keepdims=True)
    shape = (crops[:, 0] > 0.8 * brightest).astype(float)
    area = shape.sum(axis=(1, 2))

    def mean(values: np.ndarray) -> np.ndarray:
        return (shape * values).sum(axis=(1, 2)) / area

    centre_x, centre_y = mean(x), mean(y)
    across = mean(x * y) - centre_x * centre_y
    wide = mean(x**2) - centre_x**2 - mean(y**2) + centre_y**2
    return {
        "brightness": mass[:, 0],
        "contrast": crops[:, 0].max(axis=(1, 2)),
        "area": area,
        "left or right": centre_x,
        "up or down": centre_y,
        "elongation": np.hypot(2 * across, wide),
        "angle": np.arctan2(2 * across, wide),
        "side of the slope": (crops[:, 1] * x).sum(axis=(1, 2)),
        "black": (crops == 0).all(axis=1).mean(axis=(1, 2)),
    }


def distance(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Return the Kolmogorov-Smirnov distance of numbers rounded to a tenth of a deviation, coarser than either errs."""
    centre, spread = np.median(theirs), theirs.std()
    return ks_2samp(*(np.round((values - centre) / spread, 1) for values in (ours, theirs))).statistic


def test_what_comes_out_is_distributed_alike():
    ours, theirs = measures(at_once()), measures(one_by_one())
    for name in ours:
        assert abs(ours[name].mean() - theirs[name].mean()) < 0.2 * theirs[name].std(), name
        # Two samples of 500 from one distribution exceed 0.1 once in 80 times; shifts by whole px there add a little.
        assert distance(ours[name], theirs[name]) < 0.12, name
    for name in ("brightness", "contrast", "area", "left or right", "elongation"):
        middle = np.median(ours[name])
        for factor in (0.5, 2.0):  # changes half or twice as large would be seen
            assert distance(middle + factor * (ours[name] - middle), theirs[name]) > 0.15, (name, factor)


def test_as_many_crops_are_changed():
    rotated, warped, lit = config("augment").transforms
    steps = config("batch_augment").steps
    assert (rotated.p, warped.p, lit.p) == (1.0, steps.warp.probability, steps.brightness_contrast.probability)
