"""Segmenters that are built in Python without settings have those of their YAML files."""

import inspect
from pathlib import Path

import pytest
from hydra.utils import get_class
from omegaconf import OmegaConf

import hpa
from hpa.segmenters.watershed import Watershed

FILES = sorted((Path(__file__).resolve().parents[2] / "conf" / "segmenter").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_defaults_of_a_constructor_are_the_values_of_its_file(file):
    values = OmegaConf.to_container(OmegaConf.load(file))
    part = values.pop("_target_", None)
    if part is None:  # watershed_nuclei: another choice with two values changed
        return
    arguments = inspect.signature(get_class(part)).parameters.values()
    defaults = {one.name: one.default for one in arguments if one.default is not inspect.Parameter.empty}
    as_written = {name: list(one) if isinstance(one, tuple) else one for name, one in defaults.items()}
    assert as_written == {name: values[name] for name in defaults}


@pytest.mark.parametrize("choice", ["watershed", "colour_deconvolution"])
def test_a_segmenter_without_weights_needs_no_arguments(choice):
    built = hpa.part("segmenter", choice)
    assert type(built)().fingerprint() == built.fingerprint()


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ("cellpose", r"segmenter\.weights: the path of a file"),
        ("hpa_cell", "hpa weights fetch hpa_nuclei"),
        ("mask_rcnn", r"segmenter\.weights=RUN is missing"),
        ("stored", r"segmenter\.folder"),
        ("unet", r"segmenter\.weights=RUN is missing"),
    ],
)
def test_other_segmenters_name_what_they_need(choice, words, monkeypatch, tmp_path):
    monkeypatch.setenv("HPA_CACHE", str(tmp_path))  # no weights are there
    with pytest.raises(hpa.InputError, match=words):
        hpa.part("segmenter", choice)


def test_what_is_given_replaces_a_default():
    settings = {"cell_channels": ["green"], "reach_um": 30.0}
    assert Watershed(**settings).fingerprint() == hpa.part("segmenter", "watershed", settings).fingerprint()
