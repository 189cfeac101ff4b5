from pathlib import Path

import albumentations
import numpy as np
import pytest
from hydra import compose, initialize_config_dir

from hpa.cells.augmentation import CropAugmentation
from hpa.config import build, plain

CONF = Path(__file__).resolve().parents[2] / "conf"


def crop_of(channels: int, side: int = 24) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    mask = np.zeros((side, side), bool)
    mask[4:-4, 6:-6] = True
    return (generator.random((side, side, channels), np.float32) * mask[..., None]).astype(np.float32), mask


def standard(name: str) -> CropAugmentation:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return build(plain(compose("train", overrides=[f"augment={name}"]).augment))


@pytest.mark.parametrize("channels", [1, 2, 4, 5])
def test_the_standard_recipe_takes_any_channel_count_and_is_seeded(channels):
    crop, mask = crop_of(channels)
    augment = standard("standard")
    one, again, other = (augment(crop, mask, seed) for seed in (1, 1, 2))
    assert one.shape == crop.shape
    assert one.dtype == np.float32
    assert one.min() >= 0
    assert one.max() <= 1
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_no_augmentation_changes_nothing():
    crop, mask = crop_of(4)
    assert np.array_equal(standard("none")(crop, mask, 0), crop)


def test_outside_of_a_masked_cell_stays_black_when_brightness_changes():
    crop, mask = crop_of(4)
    brighter = albumentations.RandomBrightnessContrast(brightness_limit=(0.3, 0.3), contrast_limit=0, p=1.0)
    assert CropAugmentation([brighter], masked=False)(crop, mask, 0)[0, 0].max() > 0
    assert not CropAugmentation([brighter], masked=True)(crop, mask, 0)[~mask].any()
