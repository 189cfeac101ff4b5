"""Several processes train one run: they share its batches, and its scores are those of one process."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from hpa.app.cell_task import CellTask
from hpa.app.train import resume, train
from hpa.config import plain
from hpa.models.saved_run import read_saved_run

ROOT = Path(__file__).resolve().parents[2]
CHOICES = {"model": "tiny", "loss": "focal"}
WORDS = (
    "size=tiny",
    "model=tiny",
    "data=kaggle_hpa",
    "trainer=ddp_spawn_cpu",
    "trainer.precision=fp32",
    "trainer.limit_batches=1.0",
    "report=false",
)
DEALT = """
import json, sys
import numpy as np
import torch
from torch import distributed, nn
from hpa.cells.sampling.sampler import CellSampler
from hpa.pixels.dataset import TileSampler
from hpa.ranks import gathered, gathered_tensors, share_buffers
from hpa.training.loss_terms import TermMeans
distributed.init_process_group("gloo")
rank = distributed.get_rank()
rows, images = np.arange(50), np.arange(50) // 5
drawn = {}
for unit in ("cell", "image"):
    for shuffle in (True, False):
        sampler = CellSampler(
            rows, images, unit=unit, batch_cells=8, cells_per_image=4, seed=0, shuffle=shuffle
        )
        for epoch in (0, 1):
            sampler.set_epoch(epoch)
            drawn[f"{unit} {shuffle} {epoch}"] = [request.rows.tolist() for request in sampler]
for shuffle in (True, False):
    tiles = TileSampler([(row, 0) for row in range(11)], 2, 0, shuffle, 0)
    assert len(tiles) == len(list(tiles))
    drawn[f"tiles {shuffle} 0"] = [[row for row, _ in request.tiles] for request in tiles]
norm = nn.BatchNorm1d(2)
norm.running_mean += rank
share_buffers(norm)
pieces = gathered_tensors(torch.full((rank + 1,), rank), torch.zeros(1))
assert [cells.tolist() for cells, _ in pieces] == [[0], [1, 1]]
means = TermMeans()
means.update({"cells": torch.tensor(1.0 + rank)} | ({"size": torch.tensor(5.0)} if rank else {}), 1 + 2 * rank)
assert means.take() == {"cells": 1.75, "size": 5.0}
assert means.take() == {}
everything = gathered((drawn, norm.running_mean.tolist()))
if rank == 0:
    json.dump(everything, open(sys.argv[1], "w"))
distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_batches_are_dealt_without_overlap_and_buffers_are_those_of_the_first(tmp_path):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", DEALT, str(tmp_path / "dealt.json")],
            env=os.environ | {"RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29613"},
        )
        for rank in range(2)
    ]
    assert [process.wait() for process in processes] == [0, 0]
    (first, mean), (second, other_mean) = json.loads((tmp_path / "dealt.json").read_text())
    assert mean == other_mean == [0, 0]
    for name, batches in first.items():
        one, two = ([row for batch in dealt for row in batch] for dealt in (batches, second[name]))
        assert not set(one) & set(two), name
        if "False" in name:
            assert sorted(one + two) == list(range(11 if "tiles" in name else 50)), name
        else:
            assert len(batches) == len(second[name]), name
    assert first["cell True 0"] != first["cell True 1"]


@pytest.fixture(scope="module")
def whole(composed, world, tmp_path_factory):
    run = tmp_path_factory.mktemp("ranks") / "whole"
    assert train(configured(composed, world, run, 2), CHOICES, None) == 0
    return run


def configured(composed, world, run, epochs: int) -> dict:
    words = [
        *WORDS,
        f"data.root={world}",
        f"data.cell_truth={world / 'truth_train.csv'}",
        "optimizer/schedule=constant",
    ]
    return plain(composed("train", *words, f"trainer.max_epochs={epochs}", f"run_dir={run}"))


@pytest.mark.slow
def test_two_processes_score_what_one_process_scores(whole, composed, world):
    table = pd.read_csv(whole / "metrics.csv")
    config = configured(composed, world, whole, 2)
    config["trainer"] |= {"devices": 1}
    parts = CellTask().assemble(config, 0)
    saved = torch.load(whole / "checkpoints" / "last.ckpt", weights_only=True)
    parts.module.load_state_dict(saved["state_dict"])
    trainer = parts.fit.trainer([], [], whole)
    (scores,) = trainer.validate(parts.module, parts.data, verbose=False)
    for name in ("val_image_map", "val_cell_map", "val_competition_map", "val_loss"):
        assert scores[name] == pytest.approx(table[name].iloc[-1], abs=1e-6)


@pytest.mark.thorough
def test_a_run_of_two_processes_goes_on_to_the_same_weights(whole, composed, world, tmp_path):
    parts = tmp_path / "parts"
    assert train(configured(composed, world, parts, 1), CHOICES, None) == 0
    assert resume(str(parts), ["trainer.max_epochs=2"], ROOT / "conf") == 0
    one, two = (read_saved_run(run / "checkpoints" / "last.ckpt").weights for run in (whole, parts))
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert list(pd.read_csv(parts / "metrics.csv")["epoch"]) == [1, 2]


@pytest.mark.thorough
def test_sharded_weights_are_trained_as_whole_ones_and_go_on(whole, composed, world, tmp_path):
    run = tmp_path / "sharded"
    config = configured(composed, world, run, 1)
    config["trainer"] |= {"strategy": "fsdp"}
    assert train(config, CHOICES, None) == 0
    assert resume(str(run), ["trainer.max_epochs=2"], ROOT / "conf") == 0
    one, two = (pd.read_csv(folder / "metrics.csv") for folder in (whole, run))
    for name in ("train_loss", "val_loss", "val_image_map"):
        assert two[name].tolist() == pytest.approx(one[name].tolist(), rel=1e-3)
    weights = [read_saved_run(folder / "checkpoints" / "last.ckpt").weights for folder in (whole, run)]
    assert weights[0].keys() == weights[1].keys()
    assert all(type(value) is torch.Tensor for value in weights[1].values())
    for name, value in weights[0].items():
        torch.testing.assert_close(weights[1][name], value, rtol=1e-2, atol=1e-4)


WATCHED = """
import os, subprocess, sys, time
inner = '''import os, threading, time
from hpa.app.rank import _end_with
threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
print(os.getpid(), flush=True)
time.sleep(600)'''
subprocess.Popen([sys.executable, "-c", inner])
time.sleep(600)
"""


@pytest.mark.slow
def test_a_process_ends_with_the_one_that_started_it():
    parent = subprocess.Popen([sys.executable, "-c", WATCHED], stdout=subprocess.PIPE, text=True)
    parent.stdout.readline()  # the child watches
    parent.kill()
    parent.communicate(timeout=120)  # returns once the child, which has the same output, has ended too
