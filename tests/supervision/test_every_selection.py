"""What holds for every selection of `conf/supervision/selection/`."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import given
from omegaconf import OmegaConf

from hpa.config import build_nested
from hpa.supervision.selection import Selection
from tests.supervision.bags import PixelNetwork
from tests.supervision.labeled_cells import labeled_cells

FILES = sorted((Path(__file__).parents[2] / "conf" / "supervision" / "selection").glob("*.yaml"))


def shipped_selection(file: Path, class_count: int) -> Selection:
    network = PixelNetwork()
    network.class_count = class_count
    return build_nested(OmegaConf.to_container(OmegaConf.load(file)), model=network)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
@given(cells=labeled_cells())
def test_pseudo_labels_are_shares_that_rise_with_confidence_within_an_image(file, cells):
    probabilities, _, image_of_cell = cells
    pseudo_labels = shipped_selection(file, probabilities.shape[1])(*cells)
    assert pseudo_labels.dtype == probabilities.dtype
    assert ((pseudo_labels >= 0) & (pseudo_labels <= 1)).all()
    for image in image_of_cell.unique():
        for column in range(probabilities.shape[1]):
            inside = image_of_cell == image
            order = probabilities[inside, column].argsort(stable=True, descending=True)
            assert (pseudo_labels[inside, column][order].diff() <= 1e-6).all()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_cell_at_all_gives_no_pseudo_label(file):
    none = torch.zeros(0, 3)
    assert shipped_selection(file, 3)(none, none, torch.zeros(0, dtype=torch.int64)).shape == (0, 3)
