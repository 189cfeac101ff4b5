"""Runs of networks of pixels, opened in Python: instances of images in memory."""

from pathlib import Path

import numpy as np
import pytest

import hpa
from hpa.core.errors import InputError
from tests.discs import discs, write_discs

pytestmark = pytest.mark.slow


@pytest.fixture(
    scope="module", params=["segment/nuclei", pytest.param("segment/mask_rcnn", marks=pytest.mark.thorough)]
)
def run(request, tmp_path_factory) -> hpa.Run:
    """Train one step on discs."""
    folder: Path = tmp_path_factory.mktemp("pixels")
    data = write_discs(folder / "discs", 9)
    settings = {
        "size": "tiny",
        "data.root": data,
        "run_dir": folder / "run",
        "trainer.limit_batches": 1,
        "report": False,
    }
    return hpa.train(request.param, settings)


def test_instances_agree_with_their_label_map_and_table(run):
    picture, _ = discs(96, 8, 0)
    predictions = run.predict(picture, pixel_um=0.5)
    [found] = predictions
    assert run.task == "pixels"
    assert found.label_map.shape == picture.shape
    assert len(found) == found.label_map.max() == len(predictions.to_pandas())
    assert run.class_names == predictions.class_names == ("nucleus",)
    assert found.probabilities.shape == (len(found), 1)
    assert len(predictions.to_coco()["annotations"]) == len(found)
    for cell in predictions.cells:
        assert (cell.mask == (found.label_map == cell.number)).all()


def test_settings_of_classifiers_are_refused(run):
    with pytest.raises(InputError, match="tta=d4"):
        run.predict(np.zeros((64, 64), np.uint8), pixel_um=0.5, overrides={"tta": "d4"})


def test_an_image_without_instances_has_an_empty_table(run):
    predictions = run.predict(np.zeros((64, 64), np.uint8), pixel_um=0.5)
    assert len(predictions.to_pandas()) == len(predictions.cells)
