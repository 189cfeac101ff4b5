"""What holds for every selection of `conf/supervision/selection/`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hydra.utils import instantiate
from hypothesis import given
from omegaconf import OmegaConf

from hpa.interfaces import Selection
from tests.supervision.selection.told_cells import told_cells

FILES = sorted((Path(__file__).parents[3] / "conf" / "supervision" / "selection").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
@given(told=told_cells())
def test_beliefs_are_shares_and_surer_cells_of_an_image_are_believed_no_less(file, told):
    selection: Selection = instantiate(OmegaConf.load(file))
    probabilities, _, image_of_cell = told
    beliefs = selection(*told)
    assert beliefs.dtype == probabilities.dtype
    assert ((beliefs >= 0) & (beliefs <= 1)).all()
    for image in image_of_cell.unique():
        for column in range(probabilities.shape[1]):
            mine = image_of_cell == image
            order = probabilities[mine, column].argsort(stable=True, descending=True)
            assert (beliefs[mine, column][order].diff() <= 1e-6).all()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_cell_at_all_is_no_trouble(file):
    none = torch.zeros(0, 3)
    assert instantiate(OmegaConf.load(file))(none, none, torch.zeros(0, dtype=torch.int64)).shape == (0, 3)
