from __future__ import annotations

import dataclasses

import pytest
import torch

from hpa.core.errors import InputError
from hpa.interfaces import TaughtByRuns
from hpa.supervision.selection.threshold import ThresholdSelection
from hpa.supervision.teacher.out_of_fold import OutOfFoldTeacher
from tests.supervision.toy_cells import tiny_model, toy_batch


def test_each_cell_of_a_batch_finds_its_row():
    teacher = OutOfFoldTeacher(ThresholdSelection(0.5), ["somewhere"])
    assert isinstance(teacher, TaughtByRuns)
    batch = toy_batch(0)
    said = torch.rand(len(batch), 4, generator=torch.Generator().manual_seed(0))
    teacher.learn(said, batch.image_targets[batch.image_of_cell], batch.image_of_cell)
    shuffled = dataclasses.replace(batch, cell_id=batch.cell_id.flip(0))
    assert torch.equal(teacher.beliefs(tiny_model(), shuffled, 0.0), (said.flip(0) >= 0.5).float())


def test_cells_of_which_no_run_speaks_keep_their_label_and_decide_no_rank():
    teacher = OutOfFoldTeacher(ThresholdSelection(0.5), ["somewhere"])
    batch = toy_batch(0, images=1, cells=3)
    said = torch.tensor([[0.1] * 4, [float("nan")] * 4, [0.9] * 4])
    teacher.learn(said, batch.image_targets[batch.image_of_cell], batch.image_of_cell)
    assert teacher.beliefs(tiny_model(), batch, 1.0)[:, 0].tolist() == [0, 1, 1]


def test_what_was_learnt_moves_with_the_strategy_but_fills_no_checkpoint():
    teacher = OutOfFoldTeacher(ThresholdSelection(0.5), ["somewhere"])
    assert not teacher.state_dict()
    assert "table" in dict(teacher.named_buffers())


@pytest.mark.parametrize("runs", [[], "runs/first"])
def test_runs_must_be_a_list(runs):
    with pytest.raises(InputError, match="must list run folders"):
        OutOfFoldTeacher(ThresholdSelection(0.5), runs)
