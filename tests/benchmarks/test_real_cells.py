"""Sets of real cells: crops are whole cells of known classes on background alone, and the same each time."""

import csv
import json

import cv2
import numpy as np
import pytest

from benchmarks.real_cells import SETS, Crop, main, write_crops
from benchmarks.real_nuclei import KINDS, PER_IMAGE, clustered_nuclei
from benchmarks.real_stains import SIDE_PX, StainedField, cells_of
from hpa.core.errors import InputError

IMAGES = 8


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Images of nuclei of different sizes in the layout of the samples."""
    folder = tmp_path_factory.mktemp("samples") / "dsb2018"
    rng = np.random.default_rng(0)
    rows = [["id", "kind"], ["purple", "histology_purple"]]
    for kind in ("images", "labels"):
        (folder / kind).mkdir(parents=True)
    for image in range(IMAGES):
        labels = np.zeros((160, 160), np.uint16)
        for number, (x, y) in enumerate(np.stack(np.meshgrid([0, 40, 80, 120], [40, 80, 120]), -1).reshape(-1, 2), 1):
            axes = (int(rng.integers(6, 16)), int(rng.integers(6, 16)))
            cv2.ellipse(labels, (int(x), int(y)), axes, 0, 0, 360, number, -1)
        bright = rng.integers(60, 200, 100)[labels] + rng.integers(0, 20, labels.shape)
        cv2.imwrite(str(folder / "images" / f"{image}.png"), np.where(labels > 0, bright, 7).astype(np.uint8))
        cv2.imwrite(str(folder / "labels" / f"{image}.png"), labels)
        rows.append([str(image), "fluorescence"])
    with (folder / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    return folder.parent


def test_nuclei_are_whole_on_background_in_every_kind_and_the_same_each_time(samples):
    nuclei, again = list(clustered_nuclei(samples)), list(clustered_nuclei(samples))
    assert len(nuclei) == IMAGES * PER_IMAGE
    assert {one.kind for one in nuclei} == set(range(KINDS))
    for one, other in zip(nuclei, again, strict=True):
        assert one.kind == other.kind
        assert np.array_equal(one.pixels, other.pixels)
        assert (one.pixels[~one.mask] == 7).all()
        assert (one.pixels[one.mask] > 7).all()
        assert not one.mask[[0, -1]].any()
        assert not one.mask[:, [0, -1]].any()


def test_stained_cells_have_one_size_no_neighbour_and_no_cut_cell():
    cells = np.zeros((90, 90), np.int32)
    cells[20:40, 20:30], cells[20:40, 30:36], cells[60:, 50:70] = 1, 2, 3  # two touch, one is cut
    planes = {"a": np.choose(cells, [5, 100, 150, 200]).astype(np.uint8), "b": (cells * 50).astype(np.uint8)}
    found = list(cells_of(StainedField("field", planes, cells), np.random.default_rng(0)))
    assert [one.planes["a"].max() for one in found] == [100, 150]
    assert {one.specimen for one in found} == {"field/0-0", "field/0-1"}
    for one in found:
        assert np.ptp(np.flatnonzero(one.mask.any(axis=1))) + 1 == SIDE_PX
        assert (one.planes["a"][~one.mask] == 5).all()
        assert (one.planes["b"][~one.mask] == 0).all()


def test_crops_become_fields_with_the_classes_of_the_table(tmp_path, samples, capsys):
    assert main(["nuclei", str(tmp_path / "set"), "--samples", str(samples), "--images", "8"]) == 0
    assert json.loads((tmp_path / "set/data/world.json").read_text())["settings"]["max_classes"] == 3
    assert len(list((tmp_path / "set/data/test").iterdir())) == 2
    with pytest.raises(SystemExit, match=r"new or empty folder"):
        main(["nuclei", str(tmp_path / "set"), "--samples", str(samples)])
    with pytest.raises(SystemExit, match=r"sample images"):
        main(["stains", str(tmp_path / "other"), "--samples", str(tmp_path)])
    assert set(SETS) == {"stains", "frequent", "nuclei"}


def test_several_classes_of_a_crop_stand_in_one_row(tmp_path):
    crop = Crop(np.full((9, 9), 3, np.uint8), np.eye(9, dtype=bool), ("A", "B"), "one")
    table = write_crops(tmp_path / "crops", iter([crop]))
    assert table.read_text() == "crop,class,specimen\n00000.png,A|B,one\n"
    assert np.array_equal(cv2.imread(str(tmp_path / "crops/00000_mask.png"), -1) > 0, crop.mask)
    with pytest.raises(InputError, match=r"new or empty"):
        write_crops(tmp_path / "crops", iter([crop]))
