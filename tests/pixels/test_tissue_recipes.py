"""The augmentation of tissue, built and run as training does, and one step of each recipe."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from hydra import compose, initialize_config_dir

from hpa.app.train import train
from hpa.config import build, plain
from hpa.models.target.foreground import ForegroundTarget
from hpa.pixels.store import StoredPlanes
from hpa.simulation.tissue import write_tissue
from tests.pixels.stained_sections import DAB, HAEMATOXYLIN, section

ROOT = Path(__file__).resolve().parents[2]

RECIPES = sorted(path.stem for path in (ROOT / "experiments/hubmap").glob("*.yaml"))
LARGE = {"segformer_b4": pytest.mark.thorough}


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


@pytest.mark.parametrize("name", ["tissue", "tissue_transfer", "tissue_matched", "tissue_elastic"])
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


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [pytest.param(name, marks=LARGE.get(name, ())) for name in RECIPES])
def test_a_recipe_trains_one_step_on_synthetic_tissue(recipe, tmp_path):
    write_tissue(tmp_path / "world", images=12, side_px=96, seed=0, test_images=2)
    words = [
        f"hydra.searchpath=[file://{ROOT}]",
        f"experiments=hubmap/{recipe}",
        "size=tiny",
        "data=hubmap",  # also for the recipe of nuclei
        "data.pixel_um=null",
        f"data.root={tmp_path / 'world'}",
        f"run_dir={tmp_path / 'run'}",
        f"store.folder={tmp_path / 'store'}",
        "trainer.limit_batches=1",
        "trainer.precision=32-true",
        "tiles.planes.pixel_um=12.0",
        "report=false",
    ]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = plain(compose("train", overrides=words))
    assert train(config, {"model": "any", "loss": "any"}, None) == 0
    table = pd.read_csv(tmp_path / "run" / "metrics.csv")
    assert list(table["step"]) == [1]
    assert table[["train_loss", "val_loss"]].notna().all(axis=None)
