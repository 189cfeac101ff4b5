import json

import numpy as np
import pandas as pd
import pytest

from hpa.cli import main
from hpa.formats.label_maps import write_label_map


@pytest.fixture
def tables(tmp_path):
    truth = pd.DataFrame(
        {
            "id": [1, 2, 3],
            "organ": ["lung", "lung", "kidney"],
            "img_height": 4,
            "img_width": 6,
            "rle": ["1 4", "5 4", "9 2"],
        }
    )
    truth.to_csv(tmp_path / "truth.csv", index=False)
    # equal; half of it and as much elsewhere; nothing
    pd.DataFrame({"id": [3, 2, 1], "rle": ["", "7 4", "1 4"]}).to_csv(tmp_path / "sub.csv", index=False)
    return [str(tmp_path / "sub.csv"), str(tmp_path / "truth.csv")]


def test_json_has_the_mean_over_images_and_over_those_of_each_organ(tables, capsys):
    assert main(["score-tissue", *tables, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "dice": 0.5,
        "interval": [0.0, 1.0],
        "per_organ": {"kidney": 0.0, "lung": 0.75},
        "per_image": {"1": 1.0, "2": 0.5, "3": 0.0},
        "images": 3,
    }


def test_the_table_is_for_people(tables, capsys):
    assert main(["score-tissue", *tables]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Dice 0.5000 (95 % interval 0.0000 to 1.0000), the mean over 3 images"
    assert [line.split() for line in lines[3:5]] == [
        ["kidney", "1", "0.0000", "0.0000", "3"],
        ["lung", "2", "0.7500", "0.5000", "2"],
    ]


def test_ids_of_one_table_only_are_errors_that_name_them(tables, tmp_path, capsys):
    pd.DataFrame({"id": [1, 2, 9], "rle": ""}).to_csv(tmp_path / "sub.csv", index=False)
    assert main(["score-tissue", *tables]) == 1
    shown = capsys.readouterr().err
    assert "3: has no row in the submission" in shown
    assert "9: is not in the truth" in shown


@pytest.mark.thorough
def test_real_masks_without_every_second_run(samples, tmp_path, capsys):
    """What is left of a mask is all true, so that Dice follows from two sums."""
    path = samples / "hubmap_ftu_labels" / "train_141_rle.csv.gz"
    truth = pd.read_csv(path, usecols=["id", "rle"], dtype=str)
    expected, texts = {}, []
    for image_id, text in zip(truth["id"], truth["rle"], strict=True):
        runs = np.array(text.split()).astype(np.int64).reshape(-1, 2)
        kept = runs[::2]
        texts.append(" ".join(map(str, kept.ravel())))
        expected[image_id] = 2 * kept[:, 1].sum() / (kept[:, 1].sum() + runs[:, 1].sum())
    pd.DataFrame({"id": truth["id"], "rle": texts}).to_csv(tmp_path / "sub.csv", index=False)
    assert main(["score-tissue", str(tmp_path / "sub.csv"), str(path), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["per_image"] == pytest.approx(expected)
    assert result["dice"] == pytest.approx(np.mean(list(expected.values())))
    assert len(result["per_organ"]) == 5


def write_maps(folder, **maps):
    folder.mkdir()
    for name, label_map in maps.items():
        write_label_map(folder / f"{name}.png", np.array(label_map, np.int32))
    return str(folder)


def test_folders_of_label_maps_are_scored_as_masks(tmp_path, capsys):
    found = write_maps(tmp_path / "found", a=[[7, 0, 0]], b=[[1, 1, 0]])
    known = write_maps(tmp_path / "known", a=[[1, 2, 0]], b=[[0, 0, 0]])
    assert main(["score-tissue", found, known, "--json"]) == 0
    score = json.loads(capsys.readouterr().out)
    assert score["per_image"] == {"a": pytest.approx(2 / 3), "b": 0.0}
    assert score["per_organ"] == {"all": pytest.approx(1 / 3)}


def test_label_maps_of_another_size_are_refused(tmp_path, capsys):
    found, known = write_maps(tmp_path / "found", a=[[1, 0]]), write_maps(tmp_path / "known", a=[[1, 0, 0]])
    assert main(["score-tissue", found, known]) == 1
    assert "a: both label maps must be of one size" in capsys.readouterr().err
