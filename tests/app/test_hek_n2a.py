"""Two cell types, from pure images to types of the cells of mixed ones."""

import json
from pathlib import Path

import pandas as pd
import pytest

from hpa.app.infer import infer
from hpa.app.train import train
from hpa.cli import main
from hpa.config import build, plain
from hpa.simulation.two_cell_types import write_two_cell_types
from hpa.suggestions import compose_slot
from tests.small_cellpose import saved, small_state

ROOT = Path(__file__).resolve().parents[2]
RECIPES = ("crops", "mask_rcnn", "unet")


@pytest.fixture(scope="module")
def two_types(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("two_types") / "world"
    write_two_cell_types(folder, images=15, test_images=2, side_px=224, seed=3)
    return folder


def trained(composed, recipe, folder, run, *words):
    shown = ["size=tiny", "trainer.limit_batches=1", "trainer.precision=32-true", f"data.root={folder}"]
    config = composed("train", f"experiments=hek_n2a/{recipe}", *shown, f"run_dir={run}", *words)
    assert train(plain(config), {"model": "any", "loss": "any"}, None) == 0
    return pd.read_csv(run / "metrics.csv")


@pytest.mark.slow
@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_trains_one_step_on_pure_images(composed, two_types, tmp_path, recipe):
    assert trained(composed, recipe, two_types, tmp_path / "run")["train_loss"].notna().all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "told"), [pytest.param("mask_rcnn", ("HEK", "N2a"), marks=pytest.mark.thorough), ("unet", ())]
)
def test_a_detector_classifies_and_a_dense_network_segments(composed, two_types, tmp_path, recipe, told):
    trained(composed, recipe, two_types, tmp_path / "run")
    words = [f"segmenter={recipe}", f"segmenter.weights={tmp_path / 'run'}", "segmenter.network.device=cpu"]
    segmenter = build(compose_slot(ROOT, "infer", "segmenter", words))
    assert segmenter.class_names == told
    out = tmp_path / "maps"
    assert main(["segment", str(two_types), str(out), *words]) == 0
    assert len(list(out.glob("*.tif"))) == 15


@pytest.mark.slow
def test_outlines_corrected_in_the_window_of_cellpose_train_the_flow_network(composed, two_types, tmp_path):
    words = ["segmenter=stored", f"segmenter.folder={two_types / 'labels'}", "--format", "cellpose"]
    (tmp_path / "set").mkdir()
    for name in ("index.csv", "images"):
        (tmp_path / "set" / name).symlink_to(two_types / name)
    assert main(["segment", str(two_types), str(tmp_path / "set" / "labels"), *words]) == 0
    assert trained(composed, "unet", tmp_path / "set", tmp_path / "run")["train_loss"].notna().all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")  # the package's own tensors
def test_cellpose_trains_on_from_the_weights_of_the_segmenter(small_cellpose, composed, two_types, tmp_path):
    file = saved(small_state(), tmp_path / "theirs")
    words = ["tiles.side_px=256", f"segmenter.weights={file}"]
    assert trained(composed, "cellpose", two_types, tmp_path / "run", *words)["train_loss"].notna().all()


@pytest.mark.slow
def test_cells_of_mixed_images_are_named_and_counted(composed, two_types, tmp_path, capsys):
    trained(composed, "crops", two_types, tmp_path / "run")
    words = [f"ckpt={tmp_path / 'run'}", f"out={tmp_path / 'mixed.csv'}", "also=[cells,coco]", "device=cpu"]
    assert infer(plain(composed("infer", *words))) == 0
    for name in ("mixed.cells.parquet", "mixed.coco.json"):
        assert main(["count", str(tmp_path / name), "--designed", "50:50"]) == 0
        told = capsys.readouterr().out
        assert "2 images" in told
        assert "designed 50.00%" in told
    words = ["score-instances", str(tmp_path / "mixed.coco.json"), str(two_types / "truth_test.coco.json"), "--json"]
    assert main(words) == 0
    assert set(json.loads(capsys.readouterr().out)["classes"]) == {"HEK", "N2a"}
