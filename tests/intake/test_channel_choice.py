import pytest

from hpa.core.errors import InputError
from hpa.intake.channel_choice import require_channels, with_channels

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
