import numpy as np
import pandas as pd
import pytest

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.image_table import COLUMNS, ImageTable
from hpa.sources.levels import SAMPLE_IMAGES, level_warnings, measure_levels, unused_bits
from hpa.sources.table_summary import summary_of_table


class Fields:
    """Images of noise; the factor of 16 is that of 12 bit in 16."""

    channels = ("green", "blue")
    class_names = ("a",)
    cell_truth = None

    def __init__(self, dtype=np.uint8, divisor=1):
        self.dtype, self.divisor, self.asked = dtype, divisor, []

    def read(self, image_id, split):
        self.asked.append(image_id)
        if image_id == "torn":
            raise InputError("torn")
        pixels = np.random.default_rng(0).random((2, 64, 64)) * [[[1.0]], [[0.5]]] * np.iinfo(self.dtype).max
        return Field(image_id, (pixels / self.divisor).astype(self.dtype), self.channels, 0.5)

    def table(self, split):
        raise AssertionError("levels need no table")

    def identity(self, image_id, split):
        return image_id


IDS = ["torn", *map(str, range(99))]


def test_bright_levels_are_shares_of_the_range_whatever_the_type():
    for dtype in (np.uint8, np.uint16):
        assert measure_levels(Fields(dtype), IDS, "train") == pytest.approx({"green": 1.0, "blue": 0.5}, abs=0.01)
    source = Fields()
    measure_levels(source, IDS, "train")
    assert len(source.asked) <= SAMPLE_IMAGES


@pytest.mark.parametrize(("divisor", "words"), [(1, None), (3, None), (16, "16 times darker"), (64, "64 times darker")])
def test_images_of_another_depth_are_warned_of(divisor, words):
    trained = measure_levels(Fields(), IDS, "train")
    found = measure_levels(Fields(np.uint16, divisor), IDS, "test")
    warnings = level_warnings(trained, found)
    assert (words is None and not warnings) or (words in warnings[0] and "data.bits=12" in warnings[0])
    if words:
        assert "brighter" in level_warnings(found, trained)[0]


def test_one_weak_stain_is_no_depth():
    assert not level_warnings({"red": 0.5, "green": 0.5, "blue": 0.5}, {"red": 0.5, "green": 0.01, "blue": 0.5})
    assert not level_warnings({}, {"green": 0.5})
    assert not level_warnings({"green": 0.0}, {"green": 0.5})


@pytest.mark.parametrize(
    ("largest", "bits", "expected"),
    [(4095, 16, 12), (1023, 16, 10), (16383, 16, 14), (65535, 16, None), (255, 16, None), (200, 8, None)],
)
def test_unused_bits(largest, bits, expected):
    assert unused_bits(largest, bits) == expected


def test_one_line_says_what_a_set_is_read_as():
    rows = [["a", 8, 9, 8, 0.5], ["b", 8, 9, 8, 0.5], ["c", 16, 9, 16, np.nan]]
    frame = pd.DataFrame([[*row, "0", "s", row[0], -1] for row in rows], columns=list(COLUMNS))
    line = summary_of_table(ImageTable(frame, ("nucleus",), "DIR"), ("green", "blue"))
    assert line == (
        "DIR: 3 images of green, blue; 2 of 9×8 px, 1 of 9×16 px; 2 of 8 bit, 1 of 16 bit; "
        "pixels of 0.5 µm (1 unknown); classes nucleus"
    )
