import json

import numpy as np
import pytest
from pycocotools.coco import COCO

from hpa.formats.coco_file import read_coco
from hpa.inference.exports.coco import SUFFIX, CocoExport
from tests.inference.exports.conftest import CLASS_NAMES


@pytest.fixture
def path(export, records):
    return export(CocoExport(CLASS_NAMES), records[:2], [], records[2:]).with_suffix(SUFFIX)


# pycocotools 2.0 hands its masks to numpy 2 in the way of numpy 1
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_pycocotools_reads_the_masks(path, records):
    file = COCO(path)
    assert [image["file_name"] for image in file.imgs.values()] == ["b.tif", "none.tif", "a.tif", "c.tif"]
    for image_number, record in enumerate(records, start=1):
        cells = record.segmented.segmentation.cells
        found = file.loadAnns(file.getAnnIds(image_number))
        assert len(found) == cells.max(initial=0)
        for number, annotation in enumerate(found, start=1):
            np.testing.assert_array_equal(file.annToMask(annotation), cells == number)


def test_scores_and_the_most_probable_class_stand_beside_each_mask(path, records):
    content = json.loads(path.read_text())
    assert [(entry["id"], entry["name"]) for entry in content["categories"]] == list(enumerate(CLASS_NAMES, start=1))
    confidences = np.vstack([record.confidences for record in records])
    found = content["annotations"]
    assert [entry["id"] for entry in found] == list(range(1, 48))
    np.testing.assert_array_equal(np.array([entry["scores"] for entry in found], np.float32), confidences)
    assert [entry["category_id"] for entry in found] == (confidences.argmax(axis=1) + 1).tolist()
    assert [entry["score"] for entry in found] == confidences.max(axis=1).astype(float).tolist()


def test_the_own_reader_takes_it(path):
    assert [(image.name, len(image.texts)) for image in read_coco(path)] == [("b", 6), ("none", 0), ("a", 1), ("c", 40)]


def test_no_image_gives_an_empty_file(export):
    content = json.loads(export(CocoExport(CLASS_NAMES), []).with_suffix(SUFFIX).read_text())
    assert content["images"] == content["annotations"] == []
