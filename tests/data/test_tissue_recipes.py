"""The augmentation recipes of tissue, built and run as training does."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hydra import compose, initialize_config_dir

from hpa.app.parts import build, plain
from hpa.data.pixel_store import StoredPlanes
from hpa.models.target.foreground import ForegroundTarget
from tests.data.stained_sections import DAB, HAEMATOXYLIN, section

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def augment(tmp_path):
    (tmp_path / "test_images").mkdir()
    for seed in range(2):
        picture = (section(seed=seed) * 255).astype(np.uint8)
        tifffile.imwrite(tmp_path / "test_images" / f"{seed}.tiff", picture, photometric="rgb")

    def built(name: str):
        words = [f"hydra.searchpath=[file://{ROOT}]", "data=hubmap", f"data.root={tmp_path}", f"augment={name}"]
        with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            return build(plain(compose("train", overrides=words).augment))

    return built


@pytest.mark.parametrize("name", ["tissue", "tissue_transfer", "tissue_matched"])
def test_a_recipe_gives_sound_tiles_and_the_same_for_a_seed(name, augment):
    planes = section((HAEMATOXYLIN, DAB)).transpose(2, 0, 1).astype(np.float16)
    mask = (planes[0] < 0.5).astype(np.int32)
    image = StoredPlanes(planes, mask, np.zeros(1, np.int64), mask[None].astype(np.float16))
    change, target = augment(name), ForegroundTarget(0.5, 1)
    tiles = [change(image, 48, target, seed) for seed in (*range(8), 0)]
    for tile in tiles:
        assert tile.planes.shape == (3, 48, 48)
        assert np.isfinite(tile.planes).all()
        assert 0 <= tile.planes.min() <= tile.planes.max() <= 1
    assert np.array_equal(tiles[0].planes, tiles[-1].planes)
    assert len({tile.planes.tobytes() for tile in tiles}) == 8
