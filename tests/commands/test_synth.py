import argparse

import pytest

from hpa.cli import main
from hpa.commands.synth import parse_size


def test_the_command_writes_a_world(tmp_path, capsys):
    out = tmp_path / "world"
    assert main(["synth", str(out), "--images", "3", "--size", "48x64", "--seed", "2", "--workers", "1"]) == 0
    shown = capsys.readouterr().out
    assert "3 fields" in shown
    assert f"train on them by: python train.py data=kaggle_hpa data.root={tmp_path / 'world'} run_dir=RUN" in shown
    assert len((out / "train.csv").read_text().splitlines()) == 3
    assert len((out / "sample_submission.csv").read_text().splitlines()) == 2


def test_a_layout_is_chosen(tmp_path, capsys):
    out = tmp_path / "world"
    words = ["--layout", "hubmap", "--images", "2", "--seed", "2", "--workers", "1"]
    assert main(["synth", str(out), *words, "--size", "64"]) == 0
    assert "2 sections of five organs" in capsys.readouterr().out
    assert (out / "train_images" / "10000.tiff").is_file()
    assert main(["synth", str(tmp_path / "oblong"), *words, "--size", "64x96"]) == 1
    assert "sections are square: write size 64" in capsys.readouterr().err


def test_two_cell_types_are_drawn(tmp_path, capsys):
    out = tmp_path / "world"
    words = ["--layout", "hek_n2a", "--images", "3", "--size", "64x96", "--seed", "2", "--workers", "1"]
    assert main(["synth", str(out), *words]) == 0
    assert "3 fields of HEK and N2a" in capsys.readouterr().out
    assert (out / "images" / "Mixed_0000_green.tif").is_file()


def test_a_folder_in_use_is_an_error(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("notes")
    assert main(["synth", str(tmp_path), "--images", "3", "--size", "48", "--seed", "2"]) == 1
    assert "new or empty" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "big", "512x", "5.5", "1x2x3"])
def test_what_is_no_size_says_how_to_write_one(text):
    with pytest.raises(argparse.ArgumentTypeError, match="512x640"):
        parse_size(text)


def test_worlds_are_listed_and_chosen(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["synth", "--world", "list"])
    assert stop.value.code == 0
    listed = capsys.readouterr().out
    assert "standard" in listed
    assert "held_out" in listed
    words = ["--images", "2", "--size", "48", "--seed", "2", "--workers", "1"]
    assert main(["synth", str(tmp_path / "rare"), *words, "--world", "rare"]) == 0
    assert '"world": "rare"' in (tmp_path / "rare" / "world.json").read_text()


def test_worlds_that_are_none_are_refused(tmp_path, capsys):
    words = [str(tmp_path / "out"), "--images", "2", "--size", "64", "--seed", "2"]
    with pytest.raises(SystemExit) as stop:
        main(["synth", *words, "--world", "moon"])
    assert stop.value.code == 2
    assert "no world 'moon'; choose one of standard" in capsys.readouterr().err
    assert main(["synth", *words, "--world", "rare", "--layout", "hubmap"]) == 1
    assert "world rare is of layout hpa" in capsys.readouterr().err
