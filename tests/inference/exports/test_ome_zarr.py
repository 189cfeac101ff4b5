import json

import numpy as np
import pytest

from hpa.core.field import Field, Segmentation
from hpa.formats.images import inspect_image
from hpa.inference.exports.ome_zarr import SUFFIX, OmeZarrExport
from hpa.interfaces import SegmentedField
from tests.inference.exports.conftest import CLASS_NAMES, record_of

zarr = pytest.importorskip("zarr")


@pytest.fixture
def record():
    """A field whose pyramid has three levels, of odd sides, 16 bit."""
    rng = np.random.default_rng(3)
    cells = np.zeros((601, 530), np.int32)
    cells[10:200, 20:90], cells[300:420, 200:520] = 1, 2
    pixels = rng.integers(0, 40000, (2, *cells.shape), np.uint16)
    nuclei = np.where(rng.random(cells.shape) < 0.5, cells, 0).astype(np.int32)
    return record_of(SegmentedField(Field("big", pixels, ("green", "blue"), 0.1), Segmentation(cells, nuclei)))


@pytest.fixture
def folder(export, record, records):
    return export(OmeZarrExport(CLASS_NAMES), records[:2], [record]).with_suffix(SUFFIX)


def ome_of(folder):
    return json.loads((folder / "zarr.json").read_text())["attributes"]["ome"]


def test_planes_and_label_maps_are_those_of_the_record(folder, record):
    group = zarr.open_group(str(folder / "big.zarr"), mode="r")
    field, segmentation = record.segmented.field, record.segmented.segmentation
    np.testing.assert_array_equal(group["0"][...], field.pixels)
    np.testing.assert_array_equal(group["labels/cells/0"][...], segmentation.cells)
    np.testing.assert_array_equal(group["labels/nuclei/0"][...], segmentation.nuclei)


def test_each_level_is_half_as_large_and_says_so(folder, record):
    group = zarr.open_group(str(folder / "big.zarr"), mode="r")
    assert [group[str(level)].shape for level in range(3)] == [(2, 601, 530), (2, 300, 265), (2, 150, 132)]
    [image] = ome_of(folder / "big.zarr")["multiscales"]
    scales = [dataset["coordinateTransformations"][0]["scale"] for dataset in image["datasets"]]
    assert scales == [[1.0, 0.1, 0.1], [1.0, 0.2, 0.2], [1.0, 0.4, 0.4]]
    mean = record.segmented.field.pixels[:, :600].reshape(2, 300, 2, 265, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(group["1"][...], mean, atol=0.51)
    assert set(np.unique(group["labels/cells/2"][...])) == {0, 1, 2}


def test_cells_have_class_confidence_and_colour(folder, record):
    ome = ome_of(folder / "big.zarr" / "labels" / "cells")
    label = ome["image-label"]
    assert [entry["label-value"] for entry in label["properties"]] == [1, 2]
    best = record.confidences.argmax(axis=1)
    assert [entry["class"] for entry in label["properties"]] == [CLASS_NAMES[index] for index in best]
    assert label["source"] == {"image": "../../"}
    assert all(len(entry["rgba"]) == 4 for entry in label["colors"])


def test_the_own_reader_takes_it(folder, record):
    header = inspect_image(folder / "big.zarr")
    assert header.format == "OME-Zarr 0.5"
    [scene] = header.scenes
    assert scene.channel_names == ("green", "blue")
    assert scene.pixel_um == pytest.approx((0.1, 0.1))


def test_an_image_without_cells_has_labels_without_properties(folder):
    ome = ome_of(folder / "none.zarr" / "labels" / "cells")
    assert ome["image-label"] == {"source": {"image": "../../"}}


def test_the_same_records_give_the_same_bytes(export, record, tmp_path):
    def content():
        folder = export(OmeZarrExport(CLASS_NAMES), [record]).with_suffix(SUFFIX)
        return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    assert content() == content()
