import json
import signal
import time

import cv2
import numpy as np
import pandas as pd
import pytest

from hpa.core.encoding import decode_label_map
from hpa.core.errors import InputError
from hpa.core.submission import parse_truth
from hpa.simulation.competition import write_competition
from hpa.simulation.synthetic_field import render_field
from hpa.simulation.worlds import WORLDS


@pytest.mark.parametrize(("split", "count"), [("train", 5), ("test", 3)])
def test_every_image_has_four_planes_a_label_map_and_a_truth(world, split, count):
    truth = pd.read_csv(world / f"truth_{split}.csv")
    assert list(truth.columns) == ["ID", "ImageWidth", "ImageHeight", "TruthString"]
    assert len(truth) == count
    assert len(list((world / split).iterdir())) == 4 * count
    for image_id in truth["ID"]:
        for channel in ("red", "green", "blue", "yellow"):
            plane = cv2.imread(str(world / split / f"{image_id}_{channel}.png"), cv2.IMREAD_UNCHANGED)
            assert (plane.shape, plane.dtype) == ((96, 128), np.uint8)
        assert cv2.imread(str(world / "label_maps" / split / f"{image_id}.png"), -1).dtype == np.uint16


def test_the_tables_are_those_of_the_competition(world):
    train = pd.read_csv(world / "train.csv", dtype=str)
    assert list(train.columns) == ["ID", "Label"]
    assert train["ID"].tolist() == pd.read_csv(world / "truth_train.csv")["ID"].tolist()
    expected = ["|".join(map(str, render_field(5, "train", index, 48, 64).image_classes)) for index in range(5)]
    assert train["Label"].tolist() == expected
    sample = pd.read_csv(world / "sample_submission.csv")
    assert list(sample.columns) == ["ID", "ImageWidth", "ImageHeight", "PredictionString"]
    assert set(sample["PredictionString"]) == {"0 1 eNoLCAgIMAEABJkBdQ=="}
    assert sample[["ImageWidth", "ImageHeight"]].to_numpy().tolist() == [[128, 96]] * 3


@pytest.mark.parametrize("split", ["train", "test"])
def test_truth_decodes_to_the_label_maps_and_classes(world, split):
    for index, row in enumerate(pd.read_csv(world / f"truth_{split}.csv").itertuples()):
        entries = parse_truth(row.TruthString)
        masks = list(dict.fromkeys(entries.masks))
        decoded = decode_label_map(dict(enumerate(masks, start=1)), row.ImageHeight, row.ImageWidth)
        stored = cv2.imread(str(world / "label_maps" / split / f"{row.ID}.png"), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(decoded, stored)
        shown = [tuple(entries.classes[[mask == own for mask in entries.masks]].tolist()) for own in masks]
        assert shown == list(render_field(5, split, index, 96, 128).cell_classes)


@pytest.mark.thorough
def test_a_larger_world_begins_with_the_smaller_one_and_processes_change_nothing(world, tmp_path):
    write_competition(tmp_path / "more", images=27, side_px=(96, 128), seed=5, test_images=9, workers=2)
    ids = pd.read_csv(world / "train.csv")["ID"].tolist()
    assert pd.read_csv(tmp_path / "more" / "train.csv")["ID"].tolist()[: len(ids)] == ids
    for path in sorted((world / "train").iterdir()):
        assert path.read_bytes() == (tmp_path / "more" / "train" / path.name).read_bytes()


def test_the_settings_are_written_down(world):
    description = json.loads((world / "world.json").read_text())
    assert description["settings"] == {"images": 8, "test_images": 3, "height": 96, "width": 128, "seed": 5}
    assert description["label_noise"]["cells"] > 50
    assert len(description["cell_lines"]) == 8


def test_the_rates_of_the_labels_are_those_of_the_truth(world):
    rates = pd.read_csv(world / "label_rates.csv").set_index("class")
    labels = pd.read_csv(world / "train.csv", dtype=str).set_index("ID")["Label"]
    truth = pd.read_csv(world / "truth_train.csv").set_index("ID")["TruthString"].map(parse_truth)
    assert len(rates) == 19
    for number, row in rates.iterrows():
        labelled = labels.map(lambda text, number=number: str(number) in text.split("|"))
        shown = truth.map(lambda entries, number=number: number in entries.classes)
        assert (row["images_showing"], row["images_missed"]) == (shown.sum(), (shown & ~labelled).sum())
        assert (row["images_without"], row["images_invented"]) == ((~shown).sum(), (~shown & labelled).sum())
        cells = truth.map(lambda entries, number=number: (entries.classes == number).sum())
        assert (row["cells_showing"], row["cells_missed"]) == (cells.sum(), cells[~labelled].sum())
    shown = rates["images_showing"] > 0
    rate = rates["images_missed"][shown] / rates["images_showing"][shown]
    assert rates["images_false_negative_rate"][shown].to_numpy() == pytest.approx(rate.to_numpy(), abs=1e-6)
    assert rates["images_false_negative_rate"][~shown].isna().all()


def test_another_world_is_named_and_differs(tmp_path, world):
    out = tmp_path / "other"
    write_competition(out, images=8, side_px=(96, 128), seed=5, test_images=3, world=WORLDS["faint"])
    assert json.loads((out / "world.json").read_text())["settings"]["world"] == "faint"
    assert (out / "train.csv").read_bytes() == (world / "train.csv").read_bytes()
    names = sorted(path.name for path in (world / "train").glob("*_green.png"))
    planes = [[cv2.imread(str(root / "train" / name), -1).mean() for name in names] for root in (world, out)]
    assert (np.array(planes[0]) != planes[1]).all()


def test_a_folder_in_use_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="new or empty"):
        write_competition(tmp_path, images=4, side_px=64, seed=0)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "empty").mkdir()
    write_competition(tmp_path / "empty", images=2, side_px=32, seed=0)
    assert (tmp_path / "empty" / "train.csv").is_file()


def test_a_run_that_fails_leaves_nothing(tmp_path):
    occupied = tmp_path / "file"
    occupied.write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_competition(occupied / "world", images=2, side_px=32, seed=0)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.slow
def test_an_interrupted_run_leaves_nothing(warm, tmp_path):
    words = ["synth", str(tmp_path / "world"), "--images", "400", "--size", "128", "--seed", "0", "--workers", "2"]
    running = warm.start(["hpa", *words])
    while not list(tmp_path.glob(".world.*.part/train/*.png")):
        assert running.poll() is None
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate()
    assert running.returncode == 130
    assert "interrupted" in errors
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"images": 1}, "training and test"),
        ({"images": 4, "test_images": 4}, "training and test"),
        ({"side_px": 16}, "32 px or more"),
        ({"seed": -1}, "seed is 0 or more"),
        ({"workers": 0}, "workers are 1 or more"),
    ],
)
def test_impossible_numbers_are_refused(tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        write_competition(tmp_path / "world", **({"images": 4, "side_px": 64, "seed": 0} | changes))
    assert list(tmp_path.iterdir()) == []
