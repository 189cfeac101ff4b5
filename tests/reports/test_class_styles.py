"""Looks of classes are measured as people with and without colour vision see them."""

import itertools
import re

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from hpa.core.classes import LOCATIONS
from hpa.reports.class_styles import COLOURS, PREDICTION, TRUTH, UNPREDICTED, class_styles

# Machado, Oliveira and Fernandes, 2009, severity 1.0, on linear RGB
SIGHT = {
    "full": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}


def linear(colour):
    value = np.array([int(colour[place : place + 2], 16) for place in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def seen(colour, sight):
    value = np.clip(SIGHT[sight] @ linear(colour), 0, 1)
    return rgb2lab(np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)[None, None])[0, 0]


def distance(first, second, sight):
    return float(deltaE_ciede2000(seen(first, sight), seen(second, sight)))


@pytest.mark.parametrize("sight", SIGHT)
def test_every_two_colours_differ_for_everybody(sight):
    for first, second in itertools.combinations([*COLOURS, UNPREDICTED.colour], 2):
        assert distance(first, second, sight) >= 24, (first, second)
    assert distance(TRUTH.colour, PREDICTION.colour, sight) >= 24


def test_every_colour_is_seen_on_its_black_rim():
    for colour in (*COLOURS, UNPREDICTED.colour):
        luminance = float(linear(colour) @ [0.2126, 0.7152, 0.0722])
        assert (luminance + 0.05) / 0.05 >= 3, colour  # WCAG 2.2, 1.4.11: graphical objects


def test_classes_of_the_atlas_have_looks_of_their_own():
    styles = class_styles(len(LOCATIONS))
    assert len(set(styles)) == len(LOCATIONS)
    assert class_styles(100)[:19] == styles
    assert TRUTH.pattern != PREDICTION.pattern


def test_looks_are_safe_in_a_style_attribute():
    for style in class_styles(100):
        assert re.fullmatch(r"--c:#[0-9a-f]{6};--dash:var\(--[a-z-]+\)", style.css)
