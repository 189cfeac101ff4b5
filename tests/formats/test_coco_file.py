import json

import pytest

from hpa.core.errors import DataError, InputError
from hpa.formats.coco_file import read_coco

SQUARE = [10, 10, 40, 10, 40, 40, 10, 40]


def content(file_names=("a.png",), **changes):
    images = [
        {"id": number, "file_name": name, "height": 64, "width": 80} | changes.get("image", {})
        for number, name in enumerate(file_names)
    ]
    annotations = [
        {"id": number, "image_id": number, "category_id": 0, "segmentation": [SQUARE], "iscrowd": 0}
        | changes.get("annotation", {})
        for number in range(len(file_names))
    ]
    return {"images": images, "annotations": annotations, "categories": [{"id": 0, "name": "cell"}]}


def saved(tmp_path, data):
    path = tmp_path / "a.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


@pytest.mark.parametrize(
    ("file_name", "name"),
    [("images\\x.png", "x"), ("C:\\raw\\x.TIF", "x"), ("a/b/x.jpg", "x"), ("slide.v1.2", "slide.v1.2"), (".x", ".x"),
     ("slide.v1.2.tif", "slide.v1.2"), ("x.ome.tif", "x.ome")],
)  # fmt: skip
def test_names_come_from_any_system_and_keep_their_dots(tmp_path, file_name, name):
    assert [image.name for image in read_coco(saved(tmp_path, content([file_name])))] == [name]


def test_names_that_become_one_are_a_problem(tmp_path):
    with pytest.raises(DataError, match="would be one label map"):
        read_coco(saved(tmp_path, content(["a/x.png", "b\\x.tif"])))


def test_whole_floats_are_sizes(tmp_path):
    runs = {"size": [64.0, 80.0], "counts": [100, 5, 64 * 80 - 105]}
    data = content(image={"height": 64.0, "width": 80.0}, annotation={"segmentation": runs})
    [image] = read_coco(saved(tmp_path, data))
    assert (image.height, image.width, len(image.texts)) == (64, 80, 1)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": {"height": 64.5}}, "needs 'id'"),
        ({"image": {"height": float("inf")}}, "needs 'id'"),
        ({"image": {"id": [1]}}, "needs 'id'"),
        ({"annotation": {"image_id": [0]}}, "belongs to image"),
        ({"annotation": {"category_id": {}}}, "has category"),
        ({"annotation": {"segmentation": {"size": 3, "counts": [1]}}}, "annotation 0"),
    ],
)
def test_values_of_other_kinds_are_named(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        read_coco(saved(tmp_path, content(**changes)))


def test_nesting_without_end_is_reported(tmp_path):
    with pytest.raises(InputError, match="is no JSON"):
        read_coco(saved(tmp_path, "[" * 200_000))
