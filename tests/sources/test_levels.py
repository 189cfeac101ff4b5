import numpy as np
import pandas as pd

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.image_table import COLUMNS, ImageTable
from hpa.sources.levels import SAMPLE_IMAGES, measure_levels
from hpa.sources.table_summary import summary_of_table


class Fields:
    """Grey images of 8 bit, those whose names begin with d of 16."""

    channels = ("green",)
    class_names = ("a",)
    cell_truth = None

    def __init__(self):
        self.asked = []

    def read(self, image_id, split):
        self.asked.append(image_id)
        if image_id == "torn":
            raise InputError("torn")
        dtype = np.uint16 if image_id.startswith("d") else np.uint8
        return Field(image_id, np.full((1, 8, 8), 200, dtype), self.channels, 0.5)

    def table(self, split):
        raise AssertionError("levels need no table")

    def identity(self, image_id, split):
        return image_id


def table_of(rows):
    frame = pd.DataFrame([[*row, "0", "s", row[0], -1] for row in rows], columns=list(COLUMNS))
    return ImageTable(frame, ("nucleus",), "DIR")


def test_a_few_images_of_each_depth_are_measured_and_torn_ones_left_out():
    source = Fields()
    rows = [["torn", 8, 8, 8, 0.5], *([str(number), 8, 8, 8, 0.5] for number in range(99)), ["deep", 8, 8, 16, 0.5]]
    found = measure_levels(source, table_of(rows), "train")
    assert [(levels.file_bits, levels.largest) for levels in found] == [(8, 200), (16, 200)]
    assert found[1].images == ("deep",)
    assert "torn" in source.asked
    assert len(source.asked) <= SAMPLE_IMAGES + 1


def test_one_line_says_what_a_set_is_read_as():
    table = table_of([["a", 8, 9, 8, 0.5], ["b", 8, 9, 8, 0.5], ["c", 16, 9, 16, np.nan]])
    assert summary_of_table(table, ("green", "blue")) == (
        "DIR: 3 images of green, blue; 2 of 9×8 px, 1 of 9×16 px; 2 of 8 bit, 1 of 16 bit; "
        "pixels of 0.5 µm (1 unknown); classes nucleus"
    )
