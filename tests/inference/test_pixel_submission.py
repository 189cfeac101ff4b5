import csv

import numpy as np
import pandas as pd
import pytest

from hpa.core.encoding import decode_column_runs
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.planes import PlaneSpec
from hpa.inference.ensemble import MeanEnsemble
from hpa.inference.pixel_members import TissueEnsemble, TissueMember
from hpa.inference.pixel_submission import TissuePipeline, write_submission
from hpa.inference.thresholds import OrganThreshold, TissueThresholds
from tests.inference.test_pixel_members import Redness


class Sections:
    """Red squares on black, and one image that cannot be read."""

    def read(self, image_id, split):
        if image_id == "broken":
            raise InputError("broken.tiff: cut short; copy it again.")
        pixels = np.zeros((3, 20, 30), np.uint8)
        if image_id != "black":
            pixels[0, 4:9, 6:20] = 200
            pixels[0, 15, 25] = 60
        return Field(image_id, pixels, ("red", "green", "blue"), 2.0)


def pipeline_of():
    member = TissueMember(Redness(), PlaneSpec(None, False, 1.0, 99.0), ("red",))
    rules = TissueThresholds({"lung": OrganThreshold(0.1, 0.0)}, OrganThreshold(0.5, 8.0))
    return TissuePipeline(Sections(), "test", TissueEnsemble([member], MeanEnsemble([Redness()], None)), rules)


FRAME = pd.DataFrame({"image_id": ["a", "b", "black", "broken"], "organ": ["kidney", "lung", "kidney", "lung"]})


def test_masks_are_those_of_each_organs_threshold_and_exact():
    seen = []
    result = pipeline_of().run(FRAME, lambda done, total: seen.append((done, total)))
    assert [image_id for image_id, _ in result.rows] == ["a", "b", "black", "broken"]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    square = np.zeros((20, 30), bool)
    square[4:9, 6:20] = True
    np.testing.assert_array_equal(decode_column_runs(result.rows[0][1], 20, 30), square)
    square[15, 25] = True  # the lung's threshold is lower
    np.testing.assert_array_equal(decode_column_runs(result.rows[1][1], 20, 30), square)
    assert result.rows[0][1].startswith("125 5 145 5")  # column 6, row 4, counted from 1, down the column


def test_no_mask_is_empty_but_that_of_an_image_that_failed():
    result = pipeline_of().run(FRAME, lambda done, total: None)
    assert decode_column_runs(result.rows[2][1], 20, 30).any()
    assert result.rows[3] == ("broken", "")
    assert [problem.subject for problem in result.failed] == ["broken"]
    assert "cut short" in str(result.failed[0])


def test_what_is_written_is_the_competitions_table(tmp_path):
    result = pipeline_of().run(FRAME, lambda done, total: None)
    write_submission(tmp_path / "out" / "submission.csv", result)
    with (tmp_path / "out" / "submission.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["id"], row["rle"]) for row in rows] == list(result.rows)
    assert list(rows[0]) == ["id", "rle"]


def test_data_that_tell_no_organ_are_refused_with_the_way_out():
    with pytest.raises(InputError, match="hpa segment DIR OUT segmenter=unet"):
        pipeline_of().run(FRAME[["image_id"]], lambda done, total: None)
