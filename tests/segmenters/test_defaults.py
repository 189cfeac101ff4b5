"""Segmenters that are built in Python without settings have those of their YAML files."""

from pathlib import Path

import pytest
from hydra.utils import get_class
from omegaconf import OmegaConf

import hpa

CHOICES = sorted((Path(__file__).resolve().parents[2] / "conf" / "segmenter").glob("*.yaml"))
NEEDS = {
    "cellpose": r"segmenter\.weights",
    "hpa_cell": r"hpa weights fetch hpa_nuclei",
    "mask_rcnn": r"segmenter\.weights=RUN is missing",
    "stored": r"give Stored\(folder=",
    "unet": r"segmenter\.weights=RUN is missing",
}


@pytest.mark.parametrize("file", CHOICES, ids=lambda file: file.stem)
def test_a_segmenter_without_settings_has_those_of_its_file_or_names_what_it_needs(file, monkeypatch, tmp_path):
    monkeypatch.setenv("HPA_CACHE", str(tmp_path))  # no weights are there
    part = OmegaConf.load(file).get("_target_")
    if part is None:  # watershed_nuclei: another choice with two values changed
        return
    if file.stem in NEEDS:
        with pytest.raises(hpa.InputError, match=NEEDS[file.stem]):
            get_class(part)()
    else:
        assert get_class(part)().fingerprint() == hpa.part("segmenter", file.stem).fingerprint()


def test_what_is_given_replaces_a_default():
    from hpa.segmenters.watershed import Watershed

    ours = Watershed(cell_channels=["green"], reach_um=30.0)
    assert (
        ours.fingerprint()
        == hpa.part("segmenter", "watershed", {"cell_channels": ["green"], "reach_um": 30.0}).fingerprint()
    )
