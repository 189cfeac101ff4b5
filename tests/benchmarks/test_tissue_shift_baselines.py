"""Rows that train nothing, on discs of known place."""

import numpy as np
from PIL import Image

from benchmarks.tissue_shift_baselines import CLASSICAL, threshold_green
from hpa.formats.label_maps import read_label_map
from hpa.metrics.tissue import dice_of_masks
from tests.discs import discs


def test_what_takes_green_light_is_found_holes_and_all(tmp_path):
    _, label_map = discs(128, 10, 0)
    picture = np.where(label_map[..., None] > 0, np.array([120, 40, 150]), np.array([210, 200, 215])).astype(np.uint8)
    inside = np.argwhere(label_map == 1).mean(axis=0).astype(int)
    picture[inside[0], inside[1]] = 255  # a hole
    (tmp_path / "pictures").mkdir()
    Image.fromarray(picture).save(tmp_path / "pictures" / "a.png")
    threshold_green(tmp_path / "pictures", tmp_path / "out")
    found = read_label_map(tmp_path / "out" / "a.tif") > 0
    assert found[inside[0], inside[1]]
    assert dice_of_masks(found, label_map > 0) > 0.95


def test_one_baseline_is_a_segmenter_of_the_project_and_names_differ():
    assert CLASSICAL[0].segmenter == ("segmenter=colour_deconvolution",)
    assert len({baseline.name for baseline in CLASSICAL}) == len(CLASSICAL)
