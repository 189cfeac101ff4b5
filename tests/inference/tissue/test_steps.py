"""Tissue through the run loop: masks, rows, failures; cut short, gone on with, shared out and merged."""

import csv
import time

import numpy as np
import pandas as pd
import pytest

from hpa.core.encoding import decode_column_runs
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.image_table import COLUMNS, ImageTable
from hpa.core.planes import PlaneSpec
from hpa.inference.blocks import BlockSizes, Shard
from hpa.inference.budget import AS_CONFIGURED, Budget, Fallback
from hpa.inference.output import Output
from hpa.inference.pipeline import Pipeline
from hpa.inference.shards import merge_parts
from hpa.inference.stopwatch import Stopwatch
from hpa.inference.tissue.member import TissueMember
from hpa.inference.tissue.random_masks import RandomMasks
from hpa.inference.tissue.steps import TissueSteps
from hpa.inference.tissue.thresholds import OrganThreshold, TissueThresholds
from tests.inference.tissue.test_member import Redness

ORGANS = {"a": "kidney", "b": "lung", "black": "kidney", "broken": "lung"}
THRESHOLDS = TissueThresholds({"lung": OrganThreshold(0.1, 0.0)}, OrganThreshold(0.5, 8.0))


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

    def identity(self, image_id, split):
        return image_id


def table_of(ids):
    rows = [(name, 20, 30, 8, 2.0, "", "test", name, -1) for name in ids]
    return ImageTable(pd.DataFrame(rows, columns=list(COLUMNS)), ("unit",), "sections")


@pytest.fixture
def run(tmp_path):
    """Runs the pipeline on sections; every setting can be changed."""

    def write(out="submission.csv", ids=tuple(ORGANS), organs=ORGANS, shard=None, thresholds=THRESHOLDS, seen=None):
        stopwatch = Stopwatch()
        member = TissueMember(Redness(), PlaneSpec(None, False, 1.0, 99.0), ("red",))
        pipeline = Pipeline(
            TissueSteps(Sections(), "test", thresholds, organs, stopwatch),
            stopwatch,
            [Fallback(AS_CONFIGURED, member)],
            BlockSizes(1, 1, 1.0),
            1,
            Budget(None, 0.0, True),
            time.monotonic(),
        )
        return pipeline.write(table_of(ids), Output(tmp_path / out, shard, {}), seen or (lambda done, total: None))

    return write


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def test_masks_are_those_of_each_organs_threshold_and_exact(run, tmp_path):
    seen = []
    run(seen=lambda done, total: seen.append((done, total)))
    rows = rows_of(tmp_path / "submission.csv")
    assert list(rows[0]) == ["id", "rle"]
    assert [row["id"] for row in rows] == ["a", "b", "black", "broken"]
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    square = np.zeros((20, 30), bool)
    square[4:9, 6:20] = True
    np.testing.assert_array_equal(decode_column_runs(rows[0]["rle"], 20, 30), square)
    square[15, 25] = True  # the lung's threshold is lower
    np.testing.assert_array_equal(decode_column_runs(rows[1]["rle"], 20, 30), square)
    assert rows[0]["rle"].startswith("125 5 145 5")  # column 6, row 4, counted from 1, down the column


def test_no_mask_is_empty_but_that_of_an_image_that_failed(run, tmp_path):
    result = run()
    rows = rows_of(tmp_path / "submission.csv")
    assert decode_column_runs(rows[2]["rle"], 20, 30).any()
    assert rows[3] == {"id": "broken", "rle": ""}
    assert [problem.subject for problem in result.failed] == ["broken"]
    assert "cut short" in str(result.failed[0])
    assert not result.all_failed


def test_data_without_organs_are_refused_with_the_way_out(run):
    with pytest.raises(InputError, match="hpa segment DIR OUT segmenter=unet"):
        run(organs={})


@pytest.mark.parametrize("thresholds", [THRESHOLDS, RandomMasks(0.5, 0)])
@pytest.mark.parametrize("rows", range(1, 5))
def test_a_run_goes_on_wherever_it_was_cut_short(run, tmp_path, rows, thresholds):
    def interrupt(done, total):
        if done == rows:
            raise KeyboardInterrupt

    run("whole.csv", thresholds=thresholds)
    with pytest.raises(KeyboardInterrupt):
        run(seen=interrupt, thresholds=thresholds)
    assert run(thresholds=thresholds).kept == rows - 1
    assert (tmp_path / "submission.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.parametrize("thresholds", [THRESHOLDS, RandomMasks(0.5, 0)])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_merged_shards_are_the_bytes_of_one_run(run, tmp_path, count, thresholds):
    run("whole.csv", thresholds=thresholds)
    for number in range(1, count + 1):
        run(f"part_{number}", shard=Shard(number, count), thresholds=thresholds)
    merge_parts([tmp_path / f"part_{number}" for number in range(1, count + 1)], tmp_path / "merged.csv")
    assert (tmp_path / "merged.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
