import json

import cv2
import numpy as np
import pandas as pd
import pytest
import torch

from hpa.cli import main
from hpa.formats.label_maps import read_label_map, write_label_map
from tests.browser import assert_quiet, opened

SMALL = ["--pixel-um", "0.4"]


@pytest.fixture
def images(tmp_path):
    """Two images of three bright discs each, one field in two files, one broken file."""
    folder = tmp_path / "in"
    folder.mkdir()
    y, x = np.indices((160, 200))
    discs = np.zeros((160, 200), np.float32)
    for row, column in ((40, 40), (45, 140), (115, 90)):
        discs += np.exp(-(((y - row) ** 2 + (x - column) ** 2) / 2 / 9**2))
    noise = np.random.default_rng(0).normal(0, 2, discs.shape)
    plane = (20 + 200 * discs + noise).clip(0, 255).astype(np.uint8)
    for name in ("grey", "f_blue", "f_red", "f_yellow"):
        cv2.imwrite(str(folder / f"{name}.png"), plane)
    (folder / "broken.png").write_bytes(b"no image")
    return folder


def segmented(images, out, *words):
    return main(["segment", str(images), str(out), *map(str, words)])


def test_one_bad_image_is_named_and_stops_nothing(tmp_path, images, capsys):
    assert segmented(images, tmp_path / "out", *SMALL, "--preview") == 3
    told = capsys.readouterr().out
    assert "failed   broken:" in told
    assert "2 label maps written (6 cells), 0 kept, 1 failed" in told
    for name in ("grey", "f"):
        assert read_label_map(tmp_path / "out" / f"{name}.tif").max() == 3
        assert cv2.imread(str(tmp_path / "out" / "preview" / f"{name}.png")).shape == (160, 200, 3)


def test_what_is_there_is_kept(tmp_path, images, capsys):
    segmented(images, tmp_path / "out", *SMALL)
    (images / "broken.png").unlink()
    (tmp_path / "out" / "f.tif").unlink()
    before = (tmp_path / "out" / "grey.tif").stat().st_mtime_ns
    capsys.readouterr()
    assert segmented(images, tmp_path / "out", *SMALL) == 0
    assert "1 label maps written (3 cells), 1 kept (3 cells), 0 failed" in capsys.readouterr().out
    assert (tmp_path / "out" / "grey.tif").stat().st_mtime_ns == before


@pytest.mark.parametrize("words", [["--pixel-um", "0.5"], [*SMALL, "segmenter.reach_um=3.0"]])
def test_label_maps_of_other_settings_are_not_mixed(tmp_path, images, words, capsys):
    segmented(images, tmp_path / "out", *SMALL)
    assert segmented(images, tmp_path / "out", *words) == 1
    assert "other settings" in capsys.readouterr().err


def test_any_segmenter_and_its_values_are_one_word(tmp_path, images):
    (images / "broken.png").unlink()
    (tmp_path / "maps").mkdir()
    for name in ("grey", "f"):
        write_label_map(tmp_path / "maps" / f"{name}.png", np.full((160, 200), 5, np.int32))
    words = ["segmenter=stored", f"segmenter.folder={tmp_path / 'maps'}", "--format", "png"]
    assert segmented(images, tmp_path / "out", *words) == 0
    assert (read_label_map(tmp_path / "out" / "f.png") == 1).all()
    assert json.loads((tmp_path / "out" / "segmenter.json").read_text())["segmenter"]["segmenter"] == "stored"


def test_the_segmenter_of_a_run_is_taken_unless_another_is_named(tmp_path, images):
    (images / "broken.png").unlink()
    (tmp_path / "maps").mkdir()
    for name in ("grey", "f"):
        write_label_map(tmp_path / "maps" / f"{name}.png", np.ones((160, 200), np.int32))
    stored = {"_target_": "hpa.segmenters.stored.Stored", "folder": "nowhere"}
    facts = {"config": {"segmenter": stored}, "channels": ["blue"], "class_names": ["a"]}
    torch.save({"hpa": facts, "state_dict": {}, "epoch": 0}, tmp_path / "run.ckpt")
    words = [f"ckpt={tmp_path / 'run.ckpt'}", f"segmenter.folder={tmp_path / 'maps'}"]
    assert segmented(images, tmp_path / "out", *words) == 0
    assert read_label_map(tmp_path / "out" / "grey.tif").all()
    assert segmented(images, tmp_path / "other", words[0], "segmenter=watershed", *SMALL) == 0
    assert read_label_map(tmp_path / "other" / "grey.tif").max() == 3


@pytest.mark.parametrize("place", ["set", "set/images"])
def test_the_size_of_pixels_is_what_import_kept(tmp_path, images, place, capsys):
    (images / "broken.png").unlink()
    (tmp_path / "set").mkdir()
    images.rename(tmp_path / "set" / "images")
    (tmp_path / "set" / "index.csv").write_text("ID,pixel_um\nf,0.4\ngrey,0.5\n")
    assert segmented(tmp_path / place, tmp_path / "out") == 0
    assert "pixel size: 0.4 µm, 0.5 µm, from index.csv" in capsys.readouterr().out
    assert read_label_map(tmp_path / "out" / "f.tif").max() == 3
    (tmp_path / "set" / "index.csv").write_text("ID,pixel_um\nf,0.4\n")
    assert segmented(tmp_path / place, tmp_path / "other") == 3
    assert "failed   grey: the size of its pixels is not known" in capsys.readouterr().out


def test_one_split_of_what_was_imported_is_enough(tmp_path, images, capsys):
    (images / "broken.png").unlink()
    (tmp_path / "set").mkdir()
    images.rename(tmp_path / "set" / "images")
    (tmp_path / "set" / "index.csv").write_text("ID,class,pixel_um\nf,HEK,0.4\ngrey,,0.4\n")
    assert segmented(tmp_path / "set", tmp_path / "out", "--split", "test") == 0
    assert [path.stem for path in (tmp_path / "out").glob("*.tif")] == ["grey"]
    (tmp_path / "set" / "index.csv").write_text("ID,class,pixel_um\nf,HEK,0.4\nno,,0.4\n")
    assert segmented(tmp_path / "set", tmp_path / "out", "--split", "test") == 1
    assert "has no file of 1 images that are wanted: no" in capsys.readouterr().err
    (tmp_path / "set" / "index.csv").write_text("ID,class,pixel_um\nf,HEK,0.4\n")
    assert segmented(tmp_path / "set", tmp_path / "out", "--split", "test") == 1
    assert "no image is of split test" in capsys.readouterr().err


def test_cells_are_measured_and_again_once_they_were_corrected(tmp_path, images, capsys):
    out = tmp_path / "out"
    assert segmented(images, out, *SMALL, "--measure", "--preview") == 3
    assert "measurements.parquet: the cells of 2 images" in capsys.readouterr().out
    pictures = {name: (out / "preview" / f"{name}.png").read_bytes() for name in ("f", "grey")}
    table = pd.read_parquet(out / "measurements.parquet")
    assert table["image"].tolist() == ["f"] * 3 + ["grey"] * 3
    assert (table["perimeter_um"] == np.float32(0.4) * table["perimeter_px"]).all()
    assert table["grey_cell_mean_level"].isna().tolist() == [True] * 3 + [False] * 3  # one plane stands for all
    kept = (out / "measurements" / "grey.parquet").stat().st_mtime_ns
    corrected = read_label_map(out / "f.tif")
    corrected[corrected == 3] = 0
    write_label_map(out / "f.tif", corrected)
    capsys.readouterr()
    assert segmented(images, out, *SMALL, "--measure", "--preview") == 3
    shown = capsys.readouterr().out
    assert "0 label maps written (0 cells), 2 kept (5 cells, 1 of them changed since), 1 failed" in shown
    assert "1 previews drawn" in shown
    assert {name for name, old in pictures.items() if (out / "preview" / f"{name}.png").read_bytes() != old} == {"f"}
    assert pd.read_parquet(out / "measurements.parquet")["image"].tolist() == ["f"] * 2 + ["grey"] * 3
    assert (out / "measurements" / "grey.parquet").stat().st_mtime_ns == kept
    words = ["--measure", "also.cells.measurements.grey_levels=4"]
    segmented(images, out, *SMALL, *words)
    assert (out / "measurements" / "grey.parquet").stat().st_mtime_ns > kept


def test_label_maps_count_as_written_where_measuring_fails(tmp_path, images, capsys, monkeypatch):
    (images / "broken.png").unlink()
    monkeypatch.setattr("hpa.inference.measured_images.MeasuredImages.write", lambda *_: 1 / 0)
    assert segmented(images, tmp_path / "out", *SMALL, "--measure") == 3
    shown = capsys.readouterr().out
    assert "2 label maps written (6 cells), 0 kept, 2 failed" in shown
    assert "measurements.parquet" not in shown


def test_measurements_can_be_added_to_label_maps_that_are_there(tmp_path, images):
    segmented(images, tmp_path / "out", *SMALL)
    segmented(images, tmp_path / "out", *SMALL, "--measure")
    (images / "broken.png").unlink()
    segmented(images, tmp_path / "once", *SMALL, "--measure")
    tables = [pd.read_parquet(tmp_path / name / "measurements.parquet") for name in ("out", "once")]
    pd.testing.assert_frame_equal(*tables)


def test_cellpose_files_are_written(tmp_path, images):
    segmented(images, tmp_path / "out", *SMALL, "--format", "cellpose")
    content = np.load(tmp_path / "out" / "grey_seg.npy", allow_pickle=True).item()
    assert content["masks"].max() == 3
    assert content["filename"] == str(images / "grey.png")
    field = np.load(tmp_path / "out" / "f_seg.npy", allow_pickle=True).item()
    assert field["img"].shape == (160, 200, 3)


def test_where_no_image_can_be_used_the_command_fails(tmp_path, images, capsys):
    for name in ("f_blue", "f_red", "f_yellow", "grey"):
        (images / f"{name}.png").unlink()
    assert segmented(images, tmp_path / "out", *SMALL) == 1
    assert "failed   broken:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("segmenter.reach=3", "'segmenter.reach=3': did you mean segmenter.reach_um?"),
        ("segmenter=watersheed", "'segmenter=watersheed': did you mean segmenter=watershed?"),
        ("segmenter=null", "this cannot be left out; there are cellpose"),
        ("segmenter=stored", "segmenter.folder: a value is needed"),
    ],
)
def test_overrides_that_do_not_fit_are_refused(tmp_path, images, word, told, capsys):
    assert segmented(images, tmp_path / "out", word) in (1, 2)
    assert told in capsys.readouterr().err


def test_without_the_configuration_the_remedy_is_given(tmp_path, images, monkeypatch, capsys):
    monkeypatch.setenv("HPA_ROOT", str(tmp_path))
    assert segmented(images, tmp_path / "out") == 1
    assert "HPA_ROOT" in capsys.readouterr().err


def test_unknown_options_are_refused(tmp_path, images):
    with pytest.raises(SystemExit, match="2"):
        segmented(images, tmp_path / "out", "--colour")


def write_raw(folder, well):
    """Write an image as a microscope does: twelve nuclei in w1, cells around them in w2."""
    folder.mkdir(exist_ok=True)
    y, x = np.indices((240, 320)) % 80 - 40
    noise = np.random.default_rng(0).normal(0, 2, y.shape)
    for name, radius in (("w1", 10), ("w2", 22)):
        plane = 20 + 180 * (y**2 + x**2 < radius**2) + noise
        cv2.imwrite(str(folder / f"P_{well}_s1_{name}.TIF"), plane.clip(0, 255).astype(np.uint8))
        cv2.imwrite(str(folder / f"P_{well}_s1_{name}_thumb.TIF"), plane[::8, ::8].astype(np.uint8))


def test_a_raw_folder_is_segmented_once_its_nuclei_are_named(tmp_path, capsys):
    write_raw(tmp_path / "raw", "B02")
    assert segmented(tmp_path / "raw", tmp_path / "out") == 1
    refusal = capsys.readouterr().err
    assert "which channel shows nuclei? The images hold w1, w2" in refusal
    words = refusal.partition("call it blue: ")[2].rstrip(".\n").split()  # the command that it names works
    assert segmented(tmp_path / "raw", tmp_path / "out", *words) == 0
    out = capsys.readouterr().out
    assert "channels: w1 is blue, w2 is green, one file a channel (names as of imagexpress)" in out
    assert "nuclei in blue, cells in green" in out
    assert "estimated from 12 nuclei of one image" in out
    assert "passed over, thumbnails: 2 files" in out
    assert "1 label maps written (12 cells)" in out
    cells = read_label_map(tmp_path / "out" / "P_B02_1.tif")
    assert (cells > 0).sum() > 2 * 12 * np.pi * 10**2  # cells, not nuclei
    write_raw(tmp_path / "raw", "B03")  # the estimate of before is kept, so that the folder is gone on with
    assert segmented(tmp_path / "raw", tmp_path / "out", *words) == 0
    out = capsys.readouterr().out
    assert "as estimated before" in out
    assert "1 label maps written (12 cells), 1 kept" in out


def test_an_unknown_size_that_cannot_be_estimated_is_refused(tmp_path, images, capsys):
    (images / "broken.png").unlink()
    assert segmented(images, tmp_path / "out") == 1
    assert "nuclei are too few to estimate it; give it by --pixel-um" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_page_shows_what_was_found(tmp_path, images, browser):
    assert segmented(images, tmp_path / "out", *SMALL, "--page") == 3
    page = tmp_path / "out" / "cells.html"
    with opened(browser, page) as tab:
        assert "3 of 3 cells" in tab.text("#shown")
        assert "--page --pixel-um 0.4" in tab.text(".command")
        tab.click("#export")
        assert tab.downloaded("cells.csv").splitlines()[1:4] == [f'"f",{number},,' for number in (1, 2, 3)]
        assert_quiet(tab, page)
