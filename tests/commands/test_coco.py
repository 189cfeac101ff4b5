import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO

from hpa.cli import main
from hpa.formats.label_maps import read_label_map, write_label_map

# pycocotools 2.0 hands its masks to numpy 2 in the way of numpy 1
OLD_NUMPY_PROTOCOL = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture
def maps(tmp_path):
    ring = np.zeros((12, 16), np.int32)
    ring[1:8, 1:8], ring[3:6, 3:6] = 1, 0  # a hole
    ring[9:11, 1:3], ring[2:4, 10:14], ring[6:9, 10:14] = 1, 2, 2  # two parts each
    maps = {"a": ring, "b": np.zeros((5, 7), np.int32), "c": np.full((4, 4), 3, np.int32)}
    for name, label_map in maps.items():
        write_label_map(tmp_path / "maps" / f"{name}.tif", label_map)
    return maps


@pytest.fixture
def classes(tmp_path):
    path = tmp_path / "classes.csv"
    path.write_text("ID,cell,class\na,,HEK\na,2,N2a\nc,3,N2a\n")
    return path


def exported(tmp_path, *options):
    out = tmp_path / "out.json"
    assert main(["coco", "export", str(tmp_path / "maps"), str(out), *map(str, options)]) == 0
    return out


def test_images_without_a_class_are_left_out(tmp_path, maps, capsys):
    (tmp_path / "index.csv").write_text("ID,class,split\na,HEK,train\nb,HEK|N2a,test\nc,N2a,train\n")
    content = json.loads(exported(tmp_path, "--classes", tmp_path / "index.csv").read_text())
    assert [image["file_name"] for image in content["images"]] == ["a.tif", "c.tif"]
    assert "1 images left out" in capsys.readouterr().out


def test_wells_stay_together_in_a_split(tmp_path, capsys):
    rows = ["ID,class,group"]
    for number in range(12):
        write_label_map(tmp_path / "maps" / f"i{number:02d}.tif", np.ones((3, 3), np.int32))
        rows.append(f"i{number:02d},{('HEK', 'N2a')[number % 2]},well{number // 4}_{number % 2}")
    table = tmp_path / "index.csv"
    table.write_text("\n".join(rows) + "\n")
    out = exported(tmp_path, "--classes", table, "--groups", table, "--split", "2:1")
    assert not out.exists()
    wells = {row.split(",")[0]: row.split(",")[2] for row in rows[1:]}
    parts = [json.loads((tmp_path / f"out_{part}.json").read_text()) for part in ("train", "validate")]
    images = [[Path(image["file_name"]).stem for image in part["images"]] for part in parts]
    assert (len(images[0]), len(images[1])) == (8, 4)
    assert {wells[name] for name in images[0]}.isdisjoint(wells[name] for name in images[1])
    assert parts[0]["categories"] == parts[1]["categories"]
    capsys.readouterr()
    exported(tmp_path, "--classes", table, "--split", "2:1")
    assert "a group of its own" in capsys.readouterr().out


def test_scores_of_a_table_stand_in_the_file(tmp_path, maps, capsys):
    path = tmp_path / "classes.csv"
    path.write_text("ID,cell,class,score\na,1,HEK,0.5\na,2,N2a,0.25\nc,3,N2a,1\n")
    content = json.loads(exported(tmp_path, "--classes", path).read_text())
    assert [annotation["score"] for annotation in content["annotations"]] == [0.5, 0.25, 1.0]
    path.write_text("ID,cell,class,score\na,1,HEK,0.5\na,2,N2a,\nc,3,N2a,1\n")
    assert main(["coco", "export", str(tmp_path / "maps"), str(tmp_path / "o.json"), "--classes", str(path)]) == 1
    assert "no score for image a, cell 2" in capsys.readouterr().err


def test_classes_of_images_that_are_missing_are_refused(tmp_path, maps, capsys):
    path = tmp_path / "classes.csv"
    path.write_text("ID,cell,class\na,1,HEK\nz,1,HEK\n")
    assert main(["coco", "export", str(tmp_path / "maps"), str(tmp_path / "o.json"), "--classes", str(path)]) == 1
    assert "1 images" in (told := capsys.readouterr().err)
    assert "z" in told


@OLD_NUMPY_PROTOCOL
def test_pycocotools_reads_what_is_exported(tmp_path, maps, classes):
    coco = COCO(str(exported(tmp_path, "--classes", classes)))
    assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == ["HEK", "N2a"]
    for image in coco.loadImgs(coco.getImgIds()):
        label_map = maps[image["file_name"].removesuffix(".tif")]
        assert (image["height"], image["width"]) == label_map.shape
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=image["id"]))
        numbers = [number for number in np.unique(label_map).tolist() if number]
        assert len(annotations) == len(numbers)
        for annotation, number in zip(annotations, numbers, strict=True):
            assert np.array_equal(coco.annToMask(annotation), label_map == number)
    names = {image["file_name"]: image["id"] for image in coco.dataset["images"]}
    assert [annotation["category_id"] for annotation in coco.imgToAnns[names["a.tif"]]] == [1, 2]


def test_maps_and_classes_survive_the_round_trip(tmp_path, maps, classes, capsys):
    out = exported(tmp_path, "--classes", classes)
    assert main(["coco", "load", str(out), str(tmp_path / "back")]) == 0
    assert "overlap" not in capsys.readouterr().out
    for name, label_map in maps.items():
        back = read_label_map(tmp_path / "back" / f"{name}.tif")
        assert np.array_equal(back, np.where(label_map == 3, 1, label_map))  # numbered from 1
    assert (tmp_path / "back" / "classes.csv").read_text() == "ID,cell,class\na,1,HEK\na,2,N2a\nc,1,N2a\n"
    again = tmp_path / "again.json"
    told = ["--classes", str(tmp_path / "back" / "classes.csv")]
    assert main(["coco", "export", str(tmp_path / "back"), str(again), *told]) == 0
    assert json.loads(again.read_text()) == json.loads(out.read_text())


def test_without_classes_there_is_one(tmp_path, maps):
    assert json.loads(exported(tmp_path).read_text())["categories"] == [{"id": 1, "name": "cell"}]


def test_overlaps_hidden_instances_and_crowds_are_reported(tmp_path, capsys):
    square = [0, 0, 0, 4, 4, 4, 4, 0]
    file = tmp_path / "in.json"
    common = {"image_id": 7, "category_id": 1}
    annotations = [
        {"id": 1, "segmentation": [square], **common},
        {"id": 2, "segmentation": [[0, 0, 0, 9, 9, 9, 9, 0]], **common},
        {"id": 3, "segmentation": [square], **common},
        {"id": 4, "segmentation": [square], "iscrowd": 1, **common},
    ]
    images = [{"id": 7, "file_name": "plate/x.png", "height": 10, "width": 10}]
    file.write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "cell"}]})
    )
    assert main(["coco", "load", str(file), str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert "x: instances overlap, 32 px given to the smaller one" in told
    assert "1 instances without a pixel" in told
    assert "1 crowd regions" in told
    label_map = read_label_map(tmp_path / "out" / "x.tif")
    assert label_map.max() == 2
    assert (label_map[:4, :4] == 2).all()


def test_everything_that_is_wrong_with_a_file_is_named(tmp_path, capsys):
    run_lengths = {"size": [2, 2], "counts": [0, 4]}
    content = {
        "images": [
            {"id": 1, "file_name": "a.png", "height": 2, "width": 2},
            {"id": 2, "file_name": "a.tif", "height": 2, "width": 2},
            {"id": 3, "file_name": "c.png", "height": 0, "width": 2},
        ],
        "categories": [{"id": 1, "name": "HEK"}, {"id": 1, "name": "N2a"}, {"id": 2, "name": "HEK"}],
        "annotations": [
            {"id": 10, "image_id": 99, "category_id": 1, "segmentation": run_lengths},
            {"id": 11, "image_id": 1, "category_id": 5, "segmentation": run_lengths},
            {"id": 12, "image_id": 1, "category_id": 1, "segmentation": {"size": [3, 3], "counts": [9]}},
        ],
    }
    (tmp_path / "in.json").write_text(json.dumps(content))
    assert main(["coco", "load", str(tmp_path / "in.json"), str(tmp_path / "out")]) == 1
    told = capsys.readouterr().err
    for words in (
        "annotation 10: belongs to image 99",
        "annotation 11: has category 5",
        "annotation 12: its segmentation is for [3, 3]",
        "category 1: is both 'HEK' and 'N2a'",
        "category 'HEK': has the numbers 1 and 2",
        "a.tif and a.png would be one label map",
        "image 3: needs",
    ):
        assert words in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("text", ["", "[]", '{"images": []}', '{"images": [1], "annotations": [], "categories": []}'])
def test_what_is_no_coco_file_is_refused(tmp_path, text, capsys):
    (tmp_path / "in.json").write_text(text)
    assert main(["coco", "load", str(tmp_path / "in.json"), str(tmp_path / "out")]) == 1
    assert "COCO instances file" in capsys.readouterr().err


def test_cells_without_a_class_are_an_error(tmp_path, maps, capsys):
    path = tmp_path / "classes.csv"
    path.write_text("ID,class\na,HEK\n")
    assert main(["coco", "export", str(tmp_path / "maps"), str(tmp_path / "o.json"), "--classes", str(path)]) == 1
    assert "no class for image c, cell 3" in capsys.readouterr().err


def test_real_cells_survive_the_round_trip(tmp_path, samples):
    truth = {path.stem: read_label_map(path) for path in sorted((samples / "dsb2018" / "labels").iterdir())[:3]}
    for name, label_map in truth.items():
        write_label_map(tmp_path / "maps" / f"{name}.png", label_map)
    assert main(["coco", "load", str(exported(tmp_path)), str(tmp_path / "back")]) == 0
    for name, label_map in truth.items():
        ranks = np.unique(np.append(label_map, 0), return_inverse=True)[1][:-1].reshape(label_map.shape)
        assert np.array_equal(read_label_map(tmp_path / "back" / f"{name}.tif"), ranks)


def test_files_of_others_are_not_written_over(tmp_path, capsys):
    write_label_map(tmp_path / "maps" / "a.tif", np.ones((4, 4), np.int32))
    (tmp_path / "out.json").write_text("mine")
    assert main(["coco", "export", str(tmp_path / "maps"), str(tmp_path / "out.json")]) == 1
    assert "--overwrite" in capsys.readouterr().err
    assert (tmp_path / "out.json").read_text() == "mine"
    for words in (["--overwrite"], []):
        assert main(["coco", "export", str(tmp_path / "maps"), str(tmp_path / "out.json"), *words]) == 0
    before = (tmp_path / "maps" / "a.tif").read_bytes()
    assert main(["coco", "load", str(tmp_path / "out.json"), str(tmp_path / "maps")]) == 1
    assert (tmp_path / "maps" / "a.tif").read_bytes() == before
