from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from hpa.interfaces import TrainingCells
from hpa.supervision import cell_memory
from hpa.supervision.cell_memory import CellMemory
from tests.supervision.toy_cells import numbered, toy_batch


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=20),
    st.integers(0, 2**20),
    st.lists(st.integers(0, 19), min_size=1),
)
def test_whole_images_are_those_cells_that_were_seen(image_of_cell, seed, drawn):
    image_of_cell = torch.tensor(image_of_cell)
    memory = CellMemory(TrainingCells(image_of_cell, torch.zeros(5, 2)))
    seen = torch.rand(len(image_of_cell), generator=torch.Generator().manual_seed(seed)) < 0.7
    memory.seen[seen] = True
    drawn = torch.tensor(drawn) % len(image_of_cell)
    cells, row, images = memory.images_of(drawn)
    assert images.tolist() == sorted(set(image_of_cell[drawn].tolist()))
    assert (image_of_cell[cells] == images[row]).all()
    wanted = torch.isin(image_of_cell, images) & seen
    assert sorted(cells.tolist()) == wanted.nonzero()[:, 0].tolist()


def test_the_last_prediction_is_kept_and_saved():
    batch = toy_batch(0, images=2)
    memory = CellMemory(TrainingCells(batch.image_of_cell, batch.image_targets))
    assert not memory.seen.any()
    memory.remember(batch, torch.zeros(len(batch), 4))
    memory.remember(batch, torch.ones(len(batch), 4))
    other = CellMemory(TrainingCells(batch.image_of_cell, batch.image_targets))
    other.load_state_dict(memory.state_dict())
    assert (other.logits == 1).all()
    assert other.seen.all()


def test_what_other_processes_saw_is_remembered_too(monkeypatch):
    (own, others), cells = numbered([toy_batch(0), toy_batch(1)])
    memory = CellMemory(cells)
    elsewhere = (others.cell_id, torch.full((len(others), 4), 2.0))
    monkeypatch.setattr(cell_memory, "gathered_tensors", lambda *tensors: [tensors, elsewhere])
    assert memory.remember(own, torch.ones(len(own), 4)) == len(own) + len(others)
    assert memory.seen.all()
    assert memory.logits[:, 0].tolist() == [1.0] * len(own) + [2.0] * len(others)
