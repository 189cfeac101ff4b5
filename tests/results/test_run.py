"""The held-out cells of a run, read back with their outlines; what a run of others names is not opened."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hpa.app.train import train
from hpa.cli import main
from hpa.config import plain
from hpa.core.errors import InputError
from hpa.core.label_map import labels_of
from hpa.results.run import RunCells
from hpa.training.own_paths import SEAL

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(composed, world, tmp_path_factory) -> Path:
    """Train one step; a third of the cells is held out."""
    folder = tmp_path_factory.mktemp("held_out") / "run"
    words = ["size=tiny", "model=tiny", "data=kaggle_hpa", f"data.root={world}", f"run_dir={folder}", "report=false"]
    config = plain(composed("train", *words, "trainer.limit_batches=1"))
    assert train(config, {"model": "tiny", "loss": "any"}, None) == 0
    return folder


@pytest.fixture
def of_another(run, tmp_path) -> Path:
    """The run without the seal of this user."""
    folder = tmp_path / "other"
    shutil.copytree(run, folder)
    lines = (folder / "config.yaml").read_text().splitlines(keepends=True)
    (folder / "config.yaml").write_text("".join(line for line in lines if not line.startswith(SEAL)))
    return folder


def test_the_cells_are_those_that_the_run_predicted(run):
    found = RunCells(run)
    table = found.table()
    predicted = pd.read_parquet(run / "out_of_fold.parquet").sort_values(["image_id", "cell"])
    assert [table.image_ids[image] for image in table.image] == predicted["image_id"].tolist()
    assert table.number.tolist() == predicted["cell"].tolist()
    assert table.targets is not None
    assert table.targets_are_of_images
    for image, image_id in enumerate(table.image_ids):
        numbers = table.number[table.rows_of(image)]
        assert labels_of(found.label_map(image_id)).tolist() == numbers.tolist()
        areas = [int(mask.sum()) for mask in found.masks(image_id)]
        assert table.measurements["area_px"][table.rows_of(image)].tolist() == areas
        assert found.read(image_id).pixels.shape[1:] == found.label_map(image_id).shape


def test_a_run_is_shown_by_its_folder_alone(run, tmp_path, capsys):
    assert main(["show", str(run), "--out", str(tmp_path / "cells.html")]) == 0
    assert "3 images" in capsys.readouterr().out
    assert f"{len(pd.read_parquet(run / 'out_of_fold.parquet'))} cells" in (tmp_path / "cells.html").read_text()


def test_files_that_a_run_of_others_names_are_not_opened(of_another, world):
    with pytest.raises(InputError, match=r"data\.root=.*not opened") as refusal:
        RunCells(of_another)
    words = [word.replace("=…", "") for word in str(refusal.value).split() if word.endswith("=…")]
    assert words
    values = {"data.root": str(world), "data.cell_truth": "null"}
    config = RunCells(of_another, [f"{word}={values.get(word, of_another / word)}" for word in words]).config
    assert config["data"]["root"] == str(world)


def test_what_is_no_run_of_cells_is_named(run, tmp_path):
    with pytest.raises(InputError, match=r"resume= the folder|out_of_fold"):
        RunCells(tmp_path)
    with pytest.raises(InputError, match="is no key"):
        RunCells(run, ["data.nothing=1"])


def test_cells_of_other_images_are_refused(run, world, tmp_path):
    moved = tmp_path / "data"
    shutil.copytree(world, moved)
    for file in (moved / "train").glob("*.png"):
        file.write_bytes(
            next(iter(sorted((moved / "train").glob(f"*_{file.stem.rpartition('_')[2]}.png")))).read_bytes()
        )
    with pytest.raises(InputError, match="other cells now"):
        RunCells(run, [f"data.root={moved}", f"store.folder={tmp_path / 'store'}"]).table()
    assert np.isfinite(RunCells(run).table().confidences).all()


def test_the_page_is_written_again_from_the_folder_of_the_run(run, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert main(["report", str(run), "--out", str(page)]) == 0
    predicted = pd.read_parquet(run / "out_of_fold.parquet")
    text = page.read_text()
    assert f"{len(predicted):,}" in text
    assert text.count('<article class="field"') == predicted["image_id"].nunique()
    assert f"hpa explore {run}" in text
    assert main(["report", str(run), "--out", str(tmp_path / "page.txt")]) == 1
    assert ".html is expected" in capsys.readouterr().err
