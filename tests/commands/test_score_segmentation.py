import json

import numpy as np
import pytest

from hpa.cli import main
from hpa.formats.label_maps import write_label_map


@pytest.fixture
def folders(tmp_path):
    true = np.zeros((10, 20), np.int32)
    true[:, :5], true[:, 10:20] = 1, 2
    predicted = true.copy()
    predicted[:, 5:9] = 7
    predicted[:, 17:] = 0  # IoU 0.7
    for name, maps in {"a": (predicted, true), "b": (true * 0, true * 0), "c": (true * 0, true)}.items():
        write_label_map(tmp_path / "pred" / f"{name}.tif", maps[0])
        write_label_map(tmp_path / "true" / f"{name}.png", maps[1])
    return [str(tmp_path / "pred"), str(tmp_path / "true")]


def test_json_has_pooled_lists_along_the_thresholds_and_means_over_images(folders, capsys):
    assert main(["score-segmentation", *folders, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert len(result["thresholds"]) == 10
    assert result["thresholds"][0] == 0.5
    assert result["tp"] == [2] * 5 + [1] * 5
    assert result["fp"] == [1] * 5 + [2] * 5
    assert result["fn"] == [2] * 5 + [3] * 5
    assert result["ap"][0] == 2 / 5
    assert result["pq"][0] == pytest.approx(1.7 / 3.5)
    assert result["f1"][0] == pytest.approx(4 / 7)
    assert result["precision"][0] == 2 / 3
    assert result["recall"][0] == 1 / 2
    assert result["mean"]["ap"][0] == pytest.approx((2 / 3 + 0) / 2)
    assert result["images"] == 2
    assert result["left_out"] == 1
    assert result["count_error"] == pytest.approx(-1 / 4)
    assert result["mean"]["count_error"] == pytest.approx(1.5)


def test_cells_at_the_edge_can_be_left_out(tmp_path, capsys):
    true = np.zeros((10, 20), np.int32)
    true[2:6, 2:6] = 9
    predicted = true.copy()
    predicted[0:3, 12:16] = 4
    for name, label_map in (("pred", predicted), ("true", true)):
        write_label_map(tmp_path / name / "a.tif", label_map)
    words = ["score-segmentation", str(tmp_path / "pred"), str(tmp_path / "true"), "--json"]
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["ap"][0] == 0.5
    assert main([*words, "--without-edge"]) == 0
    assert json.loads(capsys.readouterr().out)["ap"][0] == 1


def test_the_table_is_for_people(folders, capsys):
    assert main(["score-segmentation", *folders]) == 0
    shown = capsys.readouterr().out
    assert "3 cells predicted, 4 true, in 2 images; 1 images without any cell left out" in shown
    assert len([line for line in shown.splitlines() if line.startswith((" 0.", "  0."))]) == 10


def test_images_of_one_folder_only_are_named(folders, tmp_path, capsys):
    (tmp_path / "pred" / "a.tif").rename(tmp_path / "pred" / "x.tif")
    assert main(["score-segmentation", *folders]) == 1
    shown = capsys.readouterr().err
    assert "a: has no prediction" in shown
    assert "x: has no truth" in shown


def test_two_files_of_one_name_missing_folders_and_broken_files_are_shown(folders, tmp_path, capsys):
    assert main(["score-segmentation", folders[0], str(tmp_path / "none")]) == 1
    assert "folder of label maps was expected" in capsys.readouterr().err
    (tmp_path / "true" / "c.png").write_bytes(b"no image")
    assert main(["score-segmentation", *folders]) == 1
    assert "c: " in capsys.readouterr().err
    (tmp_path / "true" / "a.tif").write_bytes(b"")
    assert main(["score-segmentation", *folders]) == 1
    assert "a.png and a.tif" in capsys.readouterr().err


def test_maps_of_other_sizes_name_the_image(folders, tmp_path, capsys):
    write_label_map(tmp_path / "pred" / "a.tif", np.ones((3, 3), np.int32))
    assert main(["score-segmentation", *folders]) == 1
    assert "a: label maps of one image have one size" in capsys.readouterr().err


def test_without_any_cell_scores_are_null(tmp_path, capsys):
    for folder in ("pred", "true"):
        write_label_map(tmp_path / folder / "a.png", np.zeros((3, 3), np.int32))
    assert main(["score-segmentation", str(tmp_path / "pred"), str(tmp_path / "true"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["ap"] == result["mean"]["pq"] == [None] * 10
    assert main(["score-segmentation", str(tmp_path / "pred"), str(tmp_path / "true")]) == 0
