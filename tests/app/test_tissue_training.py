"""What trainings on tissue take beside the plain recipe: auxiliary heads, external sets, the range test."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
import torch

from hpa.app.infer import infer
from hpa.app.pixel_task import PixelTask
from hpa.app.train import train
from hpa.cli import main
from hpa.config import plain
from hpa.training.run_folder import RunFolder
from tests.tiny_tissue import CHOICES, tiny_words, write_sections

pytestmark = pytest.mark.slow
TINY = tiny_words(12.5)


@pytest.fixture(scope="module")
def sections(tmp_path_factory):
    return write_sections(tmp_path_factory.mktemp("sections") / "data", 10, 3, 96)


def trained(composed, sections: Path, run: Path, *words: str) -> Path:
    settings = plain(composed("train", *TINY, f"data.root={sections}", f"run_dir={run}", *words))
    assert train(settings, CHOICES, None) == 0
    return run


def test_auxiliary_heads_train_and_no_prediction_needs_them(composed, sections, tmp_path):
    run = trained(composed, sections, tmp_path / "run", "supervision=auxiliary")
    state = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    heads = {name: value.shape[0] for name, value in state.items() if "heads" in name}
    assert heads == {"supervision.heads.weight": 6, "supervision.heads.bias": 6}
    out = tmp_path / "out.csv"
    words = (f"ckpt={run}", "data=hubmap", f"data.root={sections}", f"out={out}", "device=cpu")
    assert infer(plain(composed("infer", *words))) == 0
    assert (pd.read_csv(out)["rle"] != "").all()


def test_the_range_test_sets_the_learning_rate(composed, sections, tmp_path):
    words = ("trainer.find_learning_rate=true", "trainer.limit_batches=1.0", "trainer.max_epochs=25")
    run = trained(composed, sections, tmp_path / "run", *words)
    recipe = plain(composed("train", *TINY, f"data.root={sections}"))
    found = RunFolder.open(run).config()["optimizer"]["learning_rate"]
    assert found != recipe["optimizer"]["learning_rate"]
    assert 1e-8 < found < 1


def test_external_sets_join_with_their_own_pixel_size_and_stain(composed, sections, tmp_path):
    """The other set shows sections of the same size in fewer pixels, in other colours."""
    other = tmp_path / "other"
    assert main(["synth", str(other), "--layout", "hubmap", "--images", "7", "--size", "64", "--seed", "2"]) == 0
    rows = pd.read_csv(other / "train.csv", dtype=str)
    for image_id in rows["id"]:
        for name in ("train_images", "train_annotations"):
            (path,) = (other / name).glob(f"{image_id}.*")
            path.rename(path.with_stem(f"x{image_id}"))
        path = other / "train_images" / f"x{image_id}.tiff"
        tifffile.imwrite(path, np.ascontiguousarray(tifffile.imread(path)[..., ::-1]), photometric="rgb")
    rows.assign(id="x" + rows["id"], data_source="GTEx").to_csv(other / "train.csv", index=False)
    words = (*TINY, f"data.root={sections}", f"data.extra=[{other}]")
    data = PixelTask().assemble(plain(composed("train", *words)), first_epoch=0).data
    frame = data.table.frame
    assert sorted(set(frame["source"])) == ["GTEx", "HPA"]
    assert set(frame["pixel_um"].round(1)) == {12.5, 18.8}
    shapes = {image_id: data.store.read(image_id).planes.shape for image_id in data.table.image_ids}
    assert set(shapes.values()) == {(3, 96, 96)}  # one scale for both
    own, external = (_blueness(data, source) for source in ("HPA", "GTEx"))
    assert own * external < 0  # red and blue exchanged: each keeps its own stain
    assert len(set(frame.loc[frame["source"] == "GTEx", "fold"])) > 1  # held out like the others


def _blueness(data, source: str) -> float:
    """Return by how much blue exceeds red in the images of a source."""
    frame = data.table.frame
    planes = [data.store.read(name).planes.astype(float) for name in frame["image_id"][frame["source"] == source]]
    return float(np.mean([plane[2].mean() - plane[0].mean() for plane in planes]))


def test_the_page_shows_each_organ_with_its_dice(composed, sections, tmp_path):
    run = trained(composed, sections, tmp_path / "run", "report=true")
    page = (run / "report.html").read_text()
    scores = pd.read_csv(run / "held_out.csv", dtype={"image_id": str})
    assert scores["dice"].between(0, 1).all()
    for organ in set(scores["organ"]):
        assert f"<strong>{organ} · Dice" in page
    assert page.count(" · Dice ") == len(scores)
    assert "val_dice" in pd.read_csv(run / "metrics.csv")
