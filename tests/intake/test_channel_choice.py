import re

import numpy as np
import pytest
import tifffile

from hpa.cli import main
from hpa.core.errors import InputError
from hpa.intake.channel_choice import require_channels, with_channels
from tests.small_sets import blobs

PART = {"nucleus_channel": "blue", "cell_channels": ["red", "yellow"], "reach_um": 40.0}


def chosen(available, words=(), **given):
    part, note = with_channels(PART | given, available, words, "w1=blue,w2=green")
    return part["nucleus_channel"], part["cell_channels"], note


@pytest.mark.parametrize(
    ("available", "cells"),
    [
        (("blue", "green"), ["green"]),
        (("red", "green", "blue", "yellow"), ["red", "yellow"]),
        (("red", "green", "blue"), ["red"]),
        (("blue", "er", "actin"), ["er", "actin"]),
        (("blue",), []),
    ],
)
def test_cells_are_looked_for_in_the_channels_that_images_have(available, cells):
    nuclei, found, note = chosen(available)
    assert (nuclei, found) == ("blue", cells)
    assert bool(note) == (cells != PART["cell_channels"])  # what is chosen is printed, with the words that change it
    assert not note or "segmenter.nucleus_channel=blue" in note
    assert ("not used: green" in note and "'segmenter.cell_channels=[green]'" in note) == (cells == ["red"])


def test_a_segmenter_of_nuclei_takes_the_blue_channel():
    assert chosen(("green", "blue"), nucleus_channel="grey", cell_channels=[])[:2] == ("blue", [])


def test_what_the_user_names_is_left_alone():
    words = ("segmenter.nucleus_channel=w1", "segmenter.cell_channels=[w2]")
    assert chosen(("w1", "w2", "w3"), words, nucleus_channel="w1", cell_channels=["w2"])[:2] == ("w1", ["w2"])
    assert chosen(("w1", "w2"), words[:1], nucleus_channel="w1")[:2] == ("w1", ["w2"])


def test_a_channel_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(
        InputError, match=r"segmenter.cell_channels: there is no channel 'er', the images hold blue, w2"
    ):
        chosen(("blue", "w2"), ("segmenter.cell_channels=[er]",), cell_channels=["er"])


def test_nuclei_are_never_guessed():
    with pytest.raises(
        InputError, match=r"which channel shows nuclei\? The images hold w1, w2.*--channels w1=blue,w2=gr"
    ):
        chosen(("w1", "w2"))


@pytest.mark.parametrize("available", [(), ("grey",)])
def test_a_grey_image_stands_for_every_channel(available):
    assert chosen(available) == ("blue", ["red", "yellow"], "")


def test_other_segmenters_name_the_settings_that_choose_channels():
    part = {"nucleus_channel": "blue", "microtubule_channel": "red", "reticulum_channel": "yellow"}
    with pytest.raises(InputError, match=r"reads red, yellow.*segmenter.microtubule_channel=NAME segmenter.reticulum"):
        require_channels(part, ("blue", "red", "yellow"), ("blue", "green"), "w1=blue,w2=green")
    with pytest.raises(InputError, match=r"segmenter.cell_channels=\[blue,green\]"):
        require_channels({"cell_channels": None}, ("grey",), ("blue", "green"), "w1=blue,w2=green")
    require_channels(part, ("blue",), ("blue", "green"), "")


@pytest.mark.parametrize("kind", ["channel files", "planes with names", "planes without names"])
def test_the_words_that_the_question_gives_are_those_that_work(tmp_path, kind, capsys):
    folder = tmp_path / "raw"
    folder.mkdir()
    for number, (nuclei, cells, *_) in enumerate((blobs(0, 64), blobs(1, 64))):
        planes = np.stack([nuclei, cells])
        if kind == "channel files":
            tifffile.imwrite(folder / f"P_B0{number}_w1.tif", nuclei)
            tifffile.imwrite(folder / f"P_B0{number}_w2.tif", cells)
        elif kind == "planes with names":
            metadata = {"axes": "CYX", "Channel": {"Name": ["Ch0", "Ch1"]}}
            tifffile.imwrite(folder / f"{number}.ome.tif", planes, metadata=metadata, photometric="minisblack")
        else:
            tifffile.imwrite(folder / f"{number}.tif", planes, imagej=True, metadata={"axes": "CYX"})
    words = ["segment", str(folder), str(tmp_path / "first"), "segmenter=watershed", "--pixel-um", "0.5"]
    assert main(words) == 1
    message = capsys.readouterr().err
    [setting] = re.findall(r"segmenter\.nucleus_channel=\w+", message)
    [names] = re.findall(r"--channels (\S+)\.", message)
    for place, more in (("first", [setting]), ("second", ["--channels", names])):
        assert main([*words[:2], str(tmp_path / place), *words[3:], *more]) == 0
        assert "2 label maps written" in capsys.readouterr().out
