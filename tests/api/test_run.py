from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import hpa
from hpa.api.predictions import Predictions
from hpa.api.run import Run
from hpa.core.channels import CHANNELS
from hpa.core.encoding import decode_mask
from hpa.core.levels import Levels
from hpa.core.submission import parse_prediction
from hpa.models.saved_run import read_saved_run
from hpa.segmenters.watershed import Watershed


@pytest.fixture(scope="module")
def predictions(run, image):
    return run.predict(image)


def test_images_of_another_depth_than_that_of_the_training_are_warned_of_once(run_path, image, caplog):
    saved = replace(read_saved_run(run_path), levels=(Levels(dict.fromkeys(CHANNELS, 0.8), 255, 8),))
    run = Run([saved])
    run.predict(image)
    assert not caplog.messages
    for _ in range(2):
        run.predict({"deep": image.astype(np.uint16) << 6})
    [message] = caplog.messages
    assert "16 bit, levels up to" in message
    assert "deep" in message
    assert "multiply them by 4" in message


def test_a_run_names_what_it_is(run, run_path):
    assert run.task == "cells"
    assert run.channels == CHANNELS
    assert len(run.class_names) == 19
    assert run.config["model"]["_target_"].startswith("hpa.models.")
    assert str(run_path) in repr(run)


def test_predictions_are_shown_on_one_line(predictions):
    [found] = predictions
    cell = predictions.cells[0]
    assert repr(predictions) == f"Predictions(1 image, {len(found)} cells, 19 classes)"
    assert repr(found) == f"PredictedImage('0', {found.height} x {found.width} px, {len(found)} cells, 19 classes)"
    assert repr(cell) == f"Cell(1 of {len(found)} in '0', {cell.class_name} {cell.confidences.max():.2f})"
    alone = replace(found, masks=(), class_names=())
    assert repr(Predictions((alone, alone), ())) == "Predictions(2 images, 0 cells)"


def test_cells_agree_with_label_map_table_and_coco(predictions, image):
    [found] = predictions
    assert len(found) == found.label_map.max() > 5
    assert found.label_map.shape == image.shape[:2]
    table, coco = predictions.to_pandas(), predictions.to_coco()
    for cell, row, instance in zip(predictions.cells, table.itertuples(), coco["annotations"], strict=True):
        top, left, bottom, right = cell.box_px
        assert (cell.mask == (found.label_map == cell.number)).all()
        assert cell.mask[top:bottom, left:right].sum() == cell.mask.sum() == row.area_px == instance["area"]
        assert instance["bbox"] == [left, top, right - left, bottom - top]
        assert cell.class_name == coco["categories"][instance["category_id"] - 1]["name"]
    np.testing.assert_allclose(table[list(predictions.class_names)].to_numpy(), found.probabilities)


def test_the_submission_holds_every_cell_in_every_class(predictions):
    [row] = predictions.to_submission().itertuples()
    words = row.PredictionString.split()
    assert len(words) == 3 * 19 * len(predictions.cells)
    first = decode_mask(words[2], row.ImageHeight, row.ImageWidth)
    assert (first == predictions.cells[0].mask).all()


def test_anndata_holds_features_and_classes(predictions):
    pytest.importorskip("anndata")
    cells = predictions.to_anndata()
    assert cells.X.shape == (len(predictions.cells), 96)
    assert list(cells.uns["class_names"]) == list(predictions.class_names)


@pytest.mark.parametrize("order", [(2, 0, 1), (0, 1, 2)])
def test_channels_may_come_first_or_last(run, image, predictions, order):
    found = run.predict(np.transpose(image, order))
    assert found.to_submission().equals(predictions.to_submission())


def test_an_image_of_another_byte_order_is_the_same(run, image):
    sixteen = image.astype(np.uint16) * 256
    found = [run.predict(one)[0].submission_row() for one in (sixteen, sixteen.astype(">u2"))]
    assert found[0] == found[1]


def test_names_of_channels_decide_whatever_their_order(run, image, predictions):
    names = ["yellow", "blue", "green", "red"]
    found = run.predict(image[..., ::-1], channels=names)
    assert found.to_submission().equals(predictions.to_submission())


def test_a_folder_a_mapping_and_an_iterator_give_the_same_cells(run, data, image, image_ids, predictions):
    of_folder = run.predict(data / "test")
    assert [one.image_id for one in of_folder] == sorted(image_ids)
    np.testing.assert_allclose(of_folder[image_ids[0]].confidences, predictions["0"].confidences, atol=1e-5)
    named = run.predict({"a": image, "b": image})
    one_by_one = run.predict(image for _ in range(2))
    assert [one.image_id for one in named] == ["a", "b"]
    assert named.to_pandas().drop(columns="image").equals(one_by_one.to_pandas().drop(columns="image"))


def test_settings_are_those_of_infer(run, image, predictions):
    found = run.predict(image, overrides={"fusion": "product", "precision": "fp32"})
    assert (found.images[0].confidences < found.images[0].probabilities).all()
    assert (predictions.images[0].confidences == predictions.images[0].probabilities).all()


def test_several_runs_are_an_ensemble(run_path, image, predictions):
    both = hpa.open_run([run_path, run_path]).predict(image)
    np.testing.assert_allclose(both.images[0].probabilities, predictions.images[0].probabilities, atol=1e-5)


def test_an_image_without_cells_has_none(run):
    found = run.predict(np.zeros((64, 48, 4), np.uint8))
    assert len(found.cells) == 0
    assert found.to_pandas().empty
    assert found.to_submission()["PredictionString"].tolist() == [""]
    assert not found.images[0].label_map.any()
    assert run.predict([]).to_pandas().empty


def test_the_file_of_infer_is_the_same_as_in_memory(run, data, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = {"data": "kaggle_hpa", "data.root": data}
    assert hpa.infer(run, settings) == Path("submission.csv")
    ours = run.predict(data / "test").to_submission()
    written = pd.read_csv("submission.csv").set_index("ID")["PredictionString"]
    for image_id, text in zip(ours["ID"], ours["PredictionString"], strict=True):
        detections, in_file = parse_prediction(text), parse_prediction(written[image_id])
        assert detections.masks == in_file.masks
        np.testing.assert_allclose(detections.confidences, in_file.confidences, atol=1e-2)  # bf16 in other batches
    score = hpa.score("submission.csv", data / "truth_test.csv")
    assert score.map == pytest.approx(hpa.score(ours, pd.read_csv(data / "truth_test.csv")).map, abs=0.05)
    assert 0 < score.map < score.bound
    assert len(score.classes) == 19


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (np.zeros((32, 32, 4)), r"uint8 or uint16 is expected, came float64; .*astype\(np.uint16\)"),
        (np.zeros((32, 32, 4), bool), "came bool"),
        (np.zeros((32, 32, 3), np.uint8), "yellow is needed, its channels are taken to be red, green, blue"),
        (np.zeros((32, 32, 5), np.uint8), "has 5 channels, named are red, green, blue, yellow"),
        (np.zeros((2, 32, 32, 4), np.uint8), r"array of shape \(2, 32, 32, 4\)"),
        (np.zeros((0, 32, 4), np.uint8), r"array of shape \(0, 32, 4\)"),
        ("no_such_file.png", "no_such_file.png"),
        ("../nope", "../nope: there is no such file or folder"),
        (7, "Came 7 of type int"),
    ],
)
def test_a_wrong_image_is_refused(run, wrong, told):
    with pytest.raises(hpa.InputError, match=told):
        run.predict(wrong)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda run, image: run.predict(image, channels="red"), "channels is a list"),
        (lambda run, image: run.predict(image, pixel_um=0), "pixel_um=0"),
        (lambda run, image: run.predict(image, overrides={"out": "x.csv"}), "hpa.infer reads it"),
        (lambda run, image: run.predict(image, overrides={"tta": "d5"}), "did you mean tta=d4"),
        (lambda run, image: run.predict(image, overrides={"ttta": "d4"}), "^'ttta=d4': did you mean tta.$"),
        (lambda run, image: hpa.infer(run, {"split": "tset"}), "split=tset: expected train, test"),
        (lambda run, image: run.predict(image)["7"], "there is no image '7'"),
        (lambda run, image: run.metrics(), "metrics.csv"),
        (lambda run, image: run.held_out(), "out_of_fold.parquet"),
        (lambda run, image: hpa.open_run("none"), "no such run folder"),
        (lambda run, image: hpa.open_run([]), "path of a run folder"),
        (lambda run, image: hpa.open_run(run), "path of a run folder .* came Run"),
        (lambda run, image: run.predict(image, pixel_um="small"), "pixel_um='small'"),
        (lambda run, image: run.predict(image, overrides="tta=d4"), "settings are a mapping"),
        (lambda run, image: hpa.train(overrides=["loss=focal"]), "settings are a mapping"),
        (lambda run, image: hpa.segment(image, 3, pixel_um=1), "its name is expected"),
        (lambda run, image: hpa.segment(image, Watershed, pixel_um=1), "its name is expected"),
        (lambda run, image: hpa.segment(image, Watershed(), pixel_um=1, settings={"reach_um": 3.0}), "hpa.part"),
        (lambda run, image: hpa.segment(image, "null", pixel_um=1), "this cannot be left out; there are cellpose"),
        (lambda run, image: hpa.segment(image, pixel_um=1, settings={"reach_um": "far"}), "segmenter.reach_um=far"),
        (lambda run, image: hpa.part("loss", "focal", {"gamma": "x"}), "loss.gamma=x: expected a number"),
        (lambda run, image: hpa.score(None, "truth.csv"), "submission.csv: a table"),
        (lambda run, image: hpa.score_segmentation("a.png", "b.png"), "hpa score-segmentation reads files"),
        (lambda run, image: hpa.score_segmentation(image[..., 0] / 2, image[..., 0]), "came float64"),
        (lambda run, image: hpa.train("hpa/bset"), "experiments=hpa/best"),
        (lambda run, image: hpa.train(overrides={"loss": "focl"}), "loss=focal"),
        (lambda run, image: hpa.train(overrides={"loss": "dice"}), "serves task=pixels"),
        (lambda run, image: hpa.infer(run, {"thresholds": "fixed"}), "thresholds"),
        (lambda run, image: hpa.segment(image), "pixel_um="),
        (lambda run, image: hpa.segment(image, "watersched", pixel_um=1), "watersched"),
        (lambda run, image: hpa.segment(image, pixel_um=1, settings={"reach": 3}), "reach"),
        (lambda run, image: hpa.score_segmentation([image[..., 0]], []), "as many true ones"),
        (lambda run, image: hpa.synth("data", "hpaa", images=1, size_px=64), "hpaa"),
        (lambda run, image: hpa.part("task", "cells"), "nothing to build"),
        (lambda run, image: hpa.part("looss", "focal"), "looss"),
    ],
)
def test_what_does_not_fit_is_an_input_error(run, image, call, told):
    with pytest.raises(hpa.InputError, match=told):
        call(run, image)


def test_a_setting_given_as_an_argument_is_answered_with_its_place(run, image):
    with pytest.raises(TypeError, match=r"overrides={'tta': 'd4'}"):
        run.predict(image, tta="d4")


def test_segmenting_with_two_channels_and_a_built_segmenter(image):
    watershed = hpa.part("segmenter", "watershed", {"cell_channels": ["green"]})
    label_map = hpa.segment(image[..., [2, 1]], watershed, pixel_um=0.64, channels=["blue", "green"])
    assert label_map.max() > 5
    assert hpa.score_segmentation(label_map, label_map).loc[0.5, "ap"] == 1
    grey = hpa.segment(image[..., 2], "watershed_nuclei", pixel_um=0.64)
    assert grey.max() > 5


def test_a_checkpoint_works_outside_of_its_run(run_path, image, tmp_path, predictions):
    copy = tmp_path / "first.ckpt"
    copy.write_bytes((run_path / "checkpoints" / "best.ckpt").read_bytes())
    alone = hpa.open_run(copy)
    assert alone.path == copy
    assert alone.predict(image).to_submission().equals(predictions.to_submission())
