import json

import numpy as np
import pandas as pd
import pytest

from hpa.core.coco import paint
from hpa.core.errors import InputError
from hpa.formats.coco_file import read_coco
from hpa.formats.label_maps import read_label_map
from hpa.simulation.two_cell_types import render_two_type_field, write_two_cell_types
from hpa.sources.cell_classes import read_cell_classes
from hpa.sources.cell_truth import CellTruth
from hpa.sources.instance_folder import InstanceFolder
from hpa.sources.typed_images import TypedImages


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two_types") / "world"
    write_two_cell_types(folder, images=7, side_px=(160, 192), seed=5, test_images=2)
    return folder


def test_the_reader_finds_pure_images_and_mixed_ones(world):
    source = TypedImages(world, ["green", "blue"], None, None)
    train, test = source.table("train").require_usable(), source.table("test").require_usable()
    assert source.class_names == ("HEK", "N2a")
    assert train.targets().sum(axis=0).tolist() == [3, 2]
    assert test.targets().tolist() == [[1, 1], [1, 1]]
    assert set(train.frame["pixel_um"]) == {0.325}
    drawn = render_two_type_field(5, "N2a", 1, 160, 192)
    assert np.array_equal(source.read("N2a_0001", "train").pixels, drawn.field.pixels)


def test_outlines_and_types_are_the_truth(world):
    drawn = render_two_type_field(5, "Mixed", 1, 160, 192)
    assert np.array_equal(read_label_map(world / "labels" / "Mixed_0001.tif"), drawn.cells)
    names = np.array(["HEK", "N2a"])[drawn.classes].tolist()
    assert read_cell_classes(world / "classes.csv").of("Mixed_0001", range(1, len(names) + 1)) == names
    truth = CellTruth(world / "truth_test.csv", ("HEK", "N2a"))
    assert truth.targets_for(drawn.cells, "Mixed_0001").argmax(axis=1).tolist() == drawn.classes.tolist()
    image = next(image for image in read_coco(world / "truth_test.coco.json") if image.name == "Mixed_0001")
    assert list(image.class_names) == names
    assert np.array_equal(paint(image.texts, image.height, image.width).label_map, drawn.cells)
    counted = json.loads((world / "world.json").read_text())["counted"]["Mixed_0001"]
    assert [counted["HEK"], counted["N2a"]] == np.bincount(drawn.classes, minlength=2).tolist()


def test_it_is_a_folder_of_instances_too(world):
    source = InstanceFolder(world, ["green", "blue"], 0.325, {"split": ["train"]}, "cell")
    assert len(source.table("train").require_usable()) == 5
    assert source.read("HEK_0000", "train").plane("blue").shape == (160, 192)


def test_larger_worlds_hold_the_smaller(world, tmp_path):
    write_two_cell_types(tmp_path / "larger", images=9, side_px=(160, 192), seed=5, test_images=3)
    for path in [*(world / "images").iterdir(), *(world / "labels").iterdir()]:
        assert path.read_bytes() == (tmp_path / "larger" / path.relative_to(world)).read_bytes()
    assert len(pd.read_csv(tmp_path / "larger" / "index.csv")) == 9


@pytest.mark.parametrize(
    ("numbers", "message"),
    [({"images": 1}, "training and test"), ({"side_px": 10}, "64 px or more"), ({"seed": -1}, "seed is 0 or more")],
)
def test_impossible_numbers_are_refused(tmp_path, numbers, message):
    with pytest.raises(InputError, match=message):
        write_two_cell_types(tmp_path / "new", **{"images": 4, "side_px": 64, "seed": 0} | numbers)
    assert not (tmp_path / "new").exists()
