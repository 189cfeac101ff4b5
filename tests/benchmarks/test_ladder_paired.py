"""Gains over copied labels: paired by image and seed, class by class, with what was spent for them."""

import re

import numpy as np
import pandas as pd
import pytest

from benchmarks.ladder_paired import Kept, main, paired_tables
from benchmarks.ladder_table import BASELINE
from hpa.core.classes import LOCATIONS
from hpa.core.encoding import encode_label_map
from hpa.core.submission import format_prediction, format_truth
from hpa.core.submission_table import PREDICTION_COLUMN, TRUTH_COLUMN, TableRow, write_table

IMAGES, CELLS, SIDE = 12, 4, 32
CLASSES = 2


@pytest.fixture
def folder(tmp_path):
    """A ladder of two rungs at two seeds: the other one is right about class 0, and as wrong about class 1."""
    rng = np.random.default_rng(0)
    labels = np.kron(np.arange(1, CELLS + 1).reshape(2, 2), np.ones((SIDE // 2, SIDE // 2), int)).astype(np.int32)
    masks = list(encode_label_map(labels).values())
    (tmp_path / "data").mkdir()
    true = rng.integers(0, 2, (IMAGES, CELLS, CLASSES))
    names = [f"image{number}" for number in range(IMAGES)]
    rows = [TableRow(name, SIDE, SIDE, truth_text(masks, kinds)) for name, kinds in zip(names, true, strict=True)]
    write_table(tmp_path / "data" / "truth_test.csv", TRUTH_COLUMN, rows)
    for seed in range(2):
        noise = rng.random((IMAGES, CELLS, CLASSES))
        better = np.stack([true[..., 0] * 0.9 + 0.05, noise[..., 1]], axis=-1)
        for rung, confidences in ((BASELINE, noise), ("hpa/other", better)):
            run = tmp_path / f"{rung.replace('/', '_')}_{seed}"
            write_run(run, minutes=seed + 1)
            rows = [
                TableRow(name, SIDE, SIDE, prediction_text(masks, one))
                for name, one in zip(names, confidences, strict=True)
            ]
            write_table(run.with_suffix(".csv"), PREDICTION_COLUMN, rows)
            run.with_suffix(".json").write_text(f'{{"rung": "{rung}", "seed": {seed}}}')
    return tmp_path


def truth_text(masks, kinds):
    entries = [(int(number), mask) for mask, row in zip(masks, kinds, strict=True) for number in np.flatnonzero(row)]
    return format_truth([number for number, _ in entries], [mask for _, mask in entries])


def prediction_text(masks, confidences):
    padded = np.zeros((len(masks), len(LOCATIONS)))
    padded[:, :CLASSES] = confidences
    return format_prediction(masks, padded)


def write_run(run, minutes):
    run.mkdir()
    pd.DataFrame({"seconds": [30.0 * minutes] * 2 + [0.0], "val_cell_map": [0.1, 0.2, 0.3]}).to_csv(run / "metrics.csv")
    pd.DataFrame({"trained": [True, False], "cells": [40, 10]}).to_parquet(run / "images.parquet")


def kept(folder):
    return [
        Kept(rung, seed, folder / f"{rung.replace('/', '_')}_{seed}")
        for rung in (BASELINE, "hpa/other")
        for seed in range(2)
    ]


def test_a_class_that_gained_has_an_interval_above_zero_and_one_that_is_alike_none(folder):
    text = paired_tables(folder / "data", kept(folder))
    first, second = (re.search(rf"\| {re.escape(LOCATIONS[number].name)} \|.*", text)[0] for number in range(2))
    gain, low, high = map(float, re.findall(r"[+-]\.?\d\.\d{3}", first))
    assert 0.1 < low < gain < high
    assert second.endswith("| +0.000 (+0.000 to +0.000) |")


def test_budget_is_that_of_all_networks_and_scores_on_the_way_stand_beside(folder):
    row = paired_tables(folder / "data", kept(folder)).splitlines()[2]
    assert row.startswith(f"| {BASELINE} | 2 | 120 | 1.5 | 0.100 | 0.200 | 0.300 | ")
    assert row.endswith("|  |")


def test_estimated_rates_stand_beside_true_ones(folder):
    name = LOCATIONS[0].name
    header = "name,images_showing,images_false_negative_rate,images_false_positive_rate"
    true = f"{header}\n{name},5,0.200000,0.050000\nx,0,,\n"
    (folder / "data" / "label_rates.csv").write_text(true)
    assert "invented" not in paired_tables(folder / "data", kept(folder))
    for one, rate in zip(kept(folder)[2:], (0.1, 0.2), strict=True):
        (one.run / "estimated_rates.csv").write_text(
            f"class,false_negative_rate,false_positive_rate\n{name},{rate},0.01\n"
        )
    last = paired_tables(folder / "data", kept(folder)).splitlines()[-3:]
    assert last[0] == "| class | missed | hpa/other | invented | hpa/other |"
    assert last[2] == f"| {name} | 0.200 | 0.150 | 0.050 | 0.010 |"


def test_results_that_a_ladder_kept_are_read_from_its_folder(folder, capsys):
    main(str(folder))
    assert capsys.readouterr().out.strip() == paired_tables(folder / "data", kept(folder))


def test_without_copied_labels_no_gain_is_claimed(folder):
    rows = paired_tables(folder / "data", kept(folder)[2:]).splitlines()
    assert rows[2].endswith("|  |")
    assert all(row.endswith("| nan |  |") for row in rows[-CLASSES:])
