import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from hpa.cli import main
from hpa.core.encoding import decode_column_runs
from hpa.core.errors import InputError
from hpa.simulation.tissue import render_section, write_tissue
from hpa.simulation.tissue.dataset import outlines_of
from hpa.sources.hubmap.annotations import polygon_mask, read_polygons
from hpa.sources.hubmap.source import Hubmap


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tissue") / "world"
    write_tissue(folder, images=11, side_px=128, seed=4, test_images=5)
    return folder


@pytest.mark.slow
def test_the_reader_finds_nothing_wrong_with_it(world):
    source = Hubmap(world, None)
    train, test = source.table("train"), source.table("test")
    for table in (train, test):
        table.require_usable()
        assert not [warning for warning in table.warnings if "overhang" not in warning.reason]
    assert set(train.frame["pixel_um"]) == {1200 / 128}
    assert test.frame["pixel_um"].nunique() > 1
    assert set(train.frame["source"]) == {"HPA"}
    assert set(test.frame["source"]) == {"Hubmap"}
    assert len(set(train.image_ids) | set(test.image_ids)) == 11


def test_pictures_and_masks_are_the_rendered_ones(world):
    source = Hubmap(world, None)
    section = render_section(4, "train", 2, 128)
    assert np.array_equal(np.moveaxis(source.read("10002", "train").pixels, 0, -1), section.picture)
    assert np.array_equal(source.mask("10002"), section.ftu_mask)
    truth = pd.read_csv(world / "truth_test.csv", dtype={"id": str}).set_index("id").loc["20001"]
    units = decode_column_runs(truth["rle"], int(truth["img_height"]), int(truth["img_width"]))
    assert np.array_equal(units, render_section(4, "test", 1, 128).ftu_mask)


def test_outlines_give_the_masks_but_for_the_last_row(world):
    source = Hubmap(world, None)
    for image_id in source.table("train").image_ids:
        mask = ndimage.binary_fill_holes(source.mask(image_id))
        polygons = read_polygons(world / "train_annotations" / f"{image_id}.json")
        painted = ndimage.binary_fill_holes(polygon_mask(polygons, *mask.shape))
        assert (painted == mask)[:-1].mean() > 0.995


@given(arrays(bool, (9, 11)))
def test_outlines_of_any_mask_hold_its_pixels(mask):
    mask[-1] = False  # is lost
    painted = polygon_mask([np.array(outline, float) for outline in outlines_of(mask)], 9, 11)
    assert painted[mask].all()


@pytest.mark.slow
def test_larger_worlds_begin_with_the_smaller_and_the_truth_scores_one(world, tmp_path, capsys):
    write_tissue(tmp_path / "larger", images=9, side_px=128, seed=4, test_images=2)
    for name in ("train_images/10003.tiff", "test_images/20001.tiff", "train_annotations/10003.json"):
        assert (tmp_path / "larger" / name).read_bytes() == (world / name).read_bytes()
    pd.read_csv(world / "truth_test.csv")[["id", "rle"]].to_csv(tmp_path / "perfect.csv", index=False)
    assert main(["score-tissue", str(tmp_path / "perfect.csv"), str(world / "truth_test.csv"), "--json"]) == 0
    score = json.loads(capsys.readouterr().out)
    assert score["dice"] == 1
    assert len(score["per_organ"]) == 5
    assert main(["score-tissue", str(world / "sample_submission.csv"), str(world / "truth_test.csv")]) == 0


def test_the_description_names_settings_and_stains(world):
    described = json.loads((world / "world.json").read_text())
    assert described["settings"] == {"images": 11, "test_images": 5, "side_px": 128, "seed": 4}
    assert described["stains"]["10000"] == "DAB"
    assert described["stains"]["20000"] == "PAS"


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"images": 1}, "training and test images"),
        ({"side_px": 10}, "64 px or more"),
        ({"seed": -1}, "seed is 0 or more"),
        ({"workers": 0}, "1 or more"),
    ],
)
def test_impossible_numbers_are_refused(tmp_path, numbers, message):
    with pytest.raises(InputError, match=message):
        write_tissue(tmp_path / "new", **{"images": 4, "side_px": 64, "seed": 0} | numbers)
    assert not (tmp_path / "new").exists()
