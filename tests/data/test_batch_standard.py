"""`batch_augment=standard` changes crops as `augment=standard` does: the same distribution of what comes out."""

import numpy as np
import torch
from hydra import compose, initialize_config_dir
from scipy.stats import ks_2samp

from hpa.app.parts import build, plain
from hpa.interfaces import CellBatch
from tests.data.shown_batches import CONF, shipped_step

DRAWS, SIDE = 600, 33


def cell() -> np.ndarray:
    """Return a crop whose parts weigh differently: (channel, side, side), black outside a disc."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    inside = x**2 + y**2 < 0.6
    ellipse = (x / 0.5) ** 2 + (y / 0.25) ** 2 < 1
    return (np.stack([0.3 + 0.4 * ellipse, 0.5 + 0.3 * x, 0.4 - 0.2 * y]) * inside).astype(np.float32)


def one_by_one() -> np.ndarray:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        augment = build(plain(compose("train", overrides=["augment=standard"]).augment))
    crop = np.ascontiguousarray(cell().transpose(1, 2, 0))
    return np.stack([augment(crop, crop.any(axis=2), seed).transpose(2, 0, 1) for seed in range(DRAWS)])


def at_once() -> np.ndarray:
    torch.manual_seed(0)
    number = torch.arange(DRAWS)
    crops = torch.from_numpy(cell()).expand(DRAWS, -1, -1, -1)
    return shipped_step("standard")(CellBatch(crops, number, number, number, torch.zeros(DRAWS, 1))).crops.numpy()


def measures(crops: np.ndarray) -> dict[str, np.ndarray]:
    """Return numbers that each of the changes moves, one a crop."""
    y, x = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    mass = crops.sum(axis=(2, 3))
    shape = (crops[:, 0] > 0.45).astype(float)
    area = shape.sum(axis=(1, 2))

    def mean(values: np.ndarray) -> np.ndarray:
        return (shape * values).sum(axis=(1, 2)) / area

    centre_x, centre_y = mean(x), mean(y)
    across = mean(x * y) - centre_x * centre_y
    wide = mean(x**2) - centre_x**2 - mean(y**2) + centre_y**2
    return {
        "light": mass[:, 0],
        "contrast": crops[:, 0].max(axis=(1, 2)),
        "area": area,
        "left or right": centre_x,
        "up or down": centre_y,
        "elongation": np.hypot(2 * across, wide),
        "angle": np.arctan2(2 * across, wide),
        "side of the slope": (crops[:, 1] * x).sum(axis=(1, 2)),
        "black": (crops == 0).all(axis=1).mean(axis=(1, 2)),
    }


def test_what_comes_out_is_distributed_alike():
    ours, theirs = measures(at_once()), measures(one_by_one())
    for name in ours:
        assert abs(ours[name].mean() - theirs[name].mean()) < 0.2 * theirs[name].std() + 1e-6, name
        # 0.1 is what two samples of 600 from one distribution exceed once in 200 times; steps of whole px add a little.
        assert ks_2samp(np.round(ours[name], 2), np.round(theirs[name], 2)).statistic < 0.16, name


def test_a_narrower_change_is_told_apart_by_these_measures():
    ours, theirs = measures(at_once()), measures(one_by_one())
    for name in ("light", "area", "left or right"):
        still = np.median(ours[name]) + 0.5 * (ours[name] - np.median(ours[name]))
        assert ks_2samp(still, theirs[name]).statistic > 0.16, name
