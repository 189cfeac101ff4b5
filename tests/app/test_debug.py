"""debug=: a handful of examples, the same in every epoch and as they are; a verdict; nothing called held out."""

import io
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from hpa.app.cell_task import CellTask
from hpa.app.pixel_task import PixelTask
from hpa.app.terminal import show_config
from hpa.app.train import train
from hpa.config import plain
from hpa.training.overfitting import overfitting
from tests.discs import write_discs

TINY = ("size=tiny", "model=tiny", "debug=overfit", "loading.batch_cells=8", "trainer.precision=fp32")


def batches_of(data, epoch: int) -> list:
    loader = data.train_dataloader()
    loader.sampler.set_epoch(epoch)
    return list(loader)


@pytest.mark.parametrize("unit", ["propagation", "multiple_instance"])
def test_a_run_that_overfits_sees_the_same_cells_unchanged_in_every_epoch(composed, world, unit):
    words = [*TINY, f"supervision={unit}", "data=kaggle_hpa", f"data.root={world}", "batch_augment=standard"]
    parts = CellTask().assemble(plain(composed("train", *words)), 0)
    seen = []
    for epoch in (0, 1):
        cells = {}
        for batch in batches_of(parts.data, epoch):
            cells |= dict(zip(batch.cell_id.tolist(), batch.crops, strict=True))
        seen.append(cells)
    validated = torch.cat([batch.cell_id for batch in parts.data.val_dataloader()])
    assert 8 < len(seen[0]) <= 32
    assert set(seen[0]) == set(seen[1]) == set(validated.tolist())
    assert all(torch.equal(crop, seen[1][cell]) for cell, crop in seen[0].items())
    assert np.array_equal(
        parts.data.stored.crops(np.array(sorted(seen[0]))).pixels, torch.stack([seen[0][c] for c in sorted(seen[0])])
    )
    assert parts.module.batch_augmentation is None


def test_tiles_are_the_same_in_every_epoch_too(composed, tmp_path):
    words = ["experiments=segment/nuclei", "size=tiny", "tiles.side_px=32", f"data.root={write_discs(tmp_path, 9)}"]
    parts = PixelTask().assemble(plain(composed("train", *words, "debug=overfit")), 0)
    tiles = [torch.cat([batch.images for batch in batches_of(parts.data, epoch)]) for epoch in (0, 1)]
    totals = [sorted(one.flatten(1).sum(1).tolist()) for one in tiles]
    assert totals[0] == totals[1]
    assert len(parts.data.rows(validation=True)) == 4
    assert set(parts.data.rows(validation=True)) == set(parts.data.rows(validation=False))


@pytest.mark.thorough
def test_a_run_that_overfits_ends_with_a_verdict_and_holds_nothing_out(composed, world, tmp_path, capsys):
    words = [*TINY, "data=kaggle_hpa", f"data.root={world}"]
    learns, idles = tmp_path / "learns", tmp_path / "idles"
    choices = {"model": "tiny", "loss": "focal"}
    assert train(plain(composed("train", *words, f"run_dir={learns}")), choices, None) == 0
    assert "overfit: learned by heart (val_loss" in capsys.readouterr().out
    still = ["optimizer.learning_rate=0.0", "trainer.max_epochs=2"]
    assert train(plain(composed("train", *words, *still, f"run_dir={idles}")), choices, None) == 1
    assert "NOT learned by heart" in capsys.readouterr().out
    assert not (learns / "out_of_fold.parquet").exists()


def history(losses, scores) -> pd.DataFrame:
    return pd.DataFrame({"val_loss": losses, "train_loss": losses, "val_image_map": scores})


@pytest.mark.parametrize(
    ("losses", "scores", "is_learned"),
    [
        ([1.0, 0.5, 0.05], [0.1, 0.5, 0.9], True),
        ([1.0, 0.5, 0.4], [0.1, 0.5, 1.0], True),
        ([1.0, 0.5, 0.4], [1.0, 1.0, 1.0], False),
        ([1.0, 0.5, 0.4], [0.1, 0.5, 0.9], False),
    ],
)
def test_the_verdict_reads_the_loss_and_the_score(losses, scores, is_learned):
    assert overfitting(history(losses, scores), "val_image_map").is_learned is is_learned


@pytest.mark.parametrize("at_terminal", [True, False])
@pytest.mark.parametrize("wanted", [True, False])
def test_the_settings_are_shown_to_a_person_only(monkeypatch, composed, at_terminal, wanted):
    stream = io.StringIO()
    stream.isatty = lambda: at_terminal
    monkeypatch.setattr(sys, "stderr", stream)
    show_config(plain(composed("train", f"print_config={wanted}")))
    shown = stream.getvalue()
    assert bool(shown) is (at_terminal and wanted)
    assert not shown or ("FocalLoss" in shown and ": [red, yellow]" in shown)
    assert not shown or "[D4, Affine, RandomBrightnessContrast]" in shown


@pytest.mark.slow
@pytest.mark.parametrize("debug", ["default", "fdr", "limit", "profiler"])
def test_every_way_to_debug_runs(composed, world, tmp_path, debug):
    words = ["size=tiny", "model=tiny", "data=kaggle_hpa", f"data.root={world}", f"debug={debug}", "report=false"]
    run = tmp_path / "run"
    config = plain(composed("train", *words, f"run_dir={run}"))
    assert train(config, {"model": "tiny", "loss": "focal"}, None) == 0
    assert (run / "fit-profile.txt").is_file() is (debug == "profiler")
    assert len(pd.read_csv(Path(run) / "metrics.csv")) == 1
