"""Every recipe does one step on synthetic fields, and every recipe of inference runs on what came out."""

from pathlib import Path

import pandas as pd
import pytest

from hpa.app.infer import infer
from hpa.app.parts import plain
from hpa.app.train import train
from tests.discs import write_discs

FOLDER = Path(__file__).resolve().parents[2] / "experiments"
TRAINING = sorted(str(file.relative_to(FOLDER).with_suffix("")) for file in FOLDER.glob("hpa/*.yaml"))
PIXELS = sorted(str(file.relative_to(FOLDER).with_suffix("")) for file in FOLDER.glob("segment/*.yaml"))
INFERENCE = sorted(str(file.relative_to(FOLDER).with_suffix("")) for file in FOLDER.glob("inference/*.yaml"))


@pytest.fixture(scope="module")
def runs(composed, world, tmp_path_factory) -> dict[str, Path]:
    """One tiny run of every recipe."""
    folder = tmp_path_factory.mktemp("recipes")
    made = {}
    for recipe in TRAINING:
        run = folder / recipe.replace("/", "_")
        words = [
            f"experiments={recipe}",
            "size=tiny",
            f"data.root={world}",
            f"run_dir={run}",
            "trainer.limit_batches=1",
        ]
        assert train(plain(composed("train", *words)), {"model": "any", "loss": "any"}, None) == 0
        made[recipe] = run
    return made


@pytest.mark.parametrize("recipe", TRAINING)
def test_a_recipe_trains_one_step(runs, recipe):
    table = pd.read_csv(runs[recipe] / "metrics.csv")
    assert list(table["step"]) == [1]
    assert table["train_loss"].notna().all()


@pytest.mark.parametrize("recipe", INFERENCE)
def test_a_recipe_of_inference_writes_every_row(runs, composed, world, tmp_path, recipe):
    out = tmp_path / "submission.csv"
    config = composed("infer", f"experiments={recipe}", f"ckpt={runs[TRAINING[0]]}", f"out={out}", "device=cpu")
    assert infer(plain(config)) == 0
    assert len(pd.read_csv(out)) == len(pd.read_csv(world / "sample_submission.csv"))


@pytest.mark.parametrize("recipe", PIXELS)
def test_a_recipe_of_pixels_trains_one_step(composed, tmp_path, recipe):
    folder, run = write_discs(tmp_path / "discs", 9), tmp_path / "run"
    words = [f"experiments={recipe}", "size=tiny", f"data.root={folder}", f"run_dir={run}", "trainer.limit_batches=1"]
    config = plain(composed("train", *words))
    assert train(config, {"model": "any", "loss": "any"}, None) == 0
    assert pd.read_csv(run / "metrics.csv")["val_ap50"].notna().all()
