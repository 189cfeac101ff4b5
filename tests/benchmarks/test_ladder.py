"""The ladder: its table, its image context, and what is kept of a climb."""

import json
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from benchmarks.ladder import RUNGS, Climb, climb, main
from benchmarks.ladder_context import with_image_context
from benchmarks.ladder_table import BASELINE, ORACLE, Result, table
from hpa.core.encoding import encode_label_map
from hpa.core.file_lock import held
from hpa.core.submission import format_prediction, parse_prediction
from hpa.core.submission_table import PREDICTION_COLUMN, TableRow, read_table, write_table

ROOT = Path(__file__).resolve().parents[2]


def kept(folder: Path, rung: str, seed: int, mean_ap: float = 0.3) -> Result:
    result = Result(rung, seed, mean_ap, mean_ap + 0.02, 2.0, 50.0)
    (folder / f"{rung.replace('/', '_')}_{seed}.json").write_text(json.dumps(asdict(result)))
    return result


def test_every_rung_is_a_recipe_and_the_oracle_the_last():
    assert all((ROOT / "experiments" / f"{rung}.yaml").is_file() for rung in RUNGS)
    assert RUNGS[-1] == ORACLE


def test_shares_and_intervals_are_those_of_the_seeds():
    scores = {BASELINE: [0.28, 0.30, 0.29], "hpa/rounds": [0.30, 0.34, 0.32], ORACLE: [0.40, 0.40, 0.40]}
    results = [
        Result(rung, seed, value, value + 0.1, 2.0, 50.0)
        for rung, values in scores.items()
        for seed, value in enumerate(values)
    ]
    low, high = stats.t.interval(0.95, 2, 0.32, stats.sem(scores["hpa/rounds"]))
    half = (high - low) / 2
    low, high = stats.t.interval(0.95, 2, 0.03, stats.sem([0.02, 0.04, 0.03]))
    over = f"+0.030 ± {(high - low) / 2:.3f}"
    copied, rounds, oracle = table(results).splitlines()[2:]
    assert copied.split(" | ")[3] == ""
    assert rounds == f"| hpa/rounds | 3 | 0.320 ± {half:.3f} | {over} | 0.800 | 0.420 ± {half:.3f} | 0.840 | 2.0 | 50 |"
    assert oracle.startswith(f"| {ORACLE} | 3 | 0.400 ± 0.000 | +0.110 ± 0.025 | 1.000 | 0.500 ± 0.000 | 1.000 |")


def test_without_an_oracle_or_a_second_seed_nothing_is_claimed():
    row = table([Result("hpa/rounds", 0, 0.3, 0.4, 2.0, 50.0)]).splitlines()[2]
    assert row == "| hpa/rounds | 1 | 0.300 |  |  | 0.400 |  | 2.0 | 50 |"


def test_composed_fields_train_on_their_own_cells_and_channels_and_nothing_is_drawn(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "cells.csv").write_text("split,ID\n")
    (tmp_path / "data" / "world.json").write_text(json.dumps({"settings": {"channels": ["red", "green"]}}))
    ladder = Climb(tmp_path, 1, ())
    ladder.prepare(10, 10, 64)
    assert not (tmp_path / "test_cells").exists()
    words = ladder._recipe("hpa/best", 0, tmp_path / "run")
    assert "data.channels=[red,green]" in words
    assert f"segmenter.folder={tmp_path / 'data' / 'label_maps' / 'train'}" in words


def test_kept_results_are_not_made_again_and_stand_in_the_order_of_the_rungs(tmp_path):
    rungs = [ORACLE, "hpa/rounds"]
    expected = [kept(tmp_path, rung, seed) for rung in rungs for seed in range(2)]
    ladder = Climb(tmp_path, 1, ())
    assert climb(ladder, rungs, seeds=2, side_by_side=2) == expected
    assert (tmp_path / "ladder.md").read_text() == table(expected) + "\n"


def test_a_folder_is_climbed_once_at_a_time(tmp_path):
    named = f"process {os.getpid()} on .* climbs here now"
    with held(tmp_path / "lock", "climbs here", "wait."), pytest.raises(SystemExit, match=named):
        main([str(tmp_path), "--seeds", "0"])


def test_a_failing_command_is_reported(tmp_path):
    with pytest.raises(RuntimeError, match="ended with 3"):
        Climb(tmp_path, 1, ()).command("-c", "raise SystemExit(3)")


def test_the_image_as_context_is_each_probability_times_the_highest_of_its_image_except_for_negative(tmp_path):
    label_map = np.zeros((20, 20), np.int32)
    label_map[:8, :8], label_map[10:, 10:] = 1, 2
    masks = list(encode_label_map(label_map).values())
    said = np.random.default_rng(0).random((2, 19))
    rows = [TableRow("a", 20, 20, format_prediction(masks, said)), TableRow("b", 20, 20, "")]
    write_table(tmp_path / "alone.csv", PREDICTION_COLUMN, rows)
    with_image_context(tmp_path / "alone.csv", tmp_path / "fused.csv")
    fused, blank = read_table(tmp_path / "fused.csv", PREDICTION_COLUMN)
    assert blank == rows[1]
    found = parse_prediction(fused.text)
    assert found.masks == parse_prediction(rows[0].text).masks
    context = np.append(said.max(axis=0)[:18], 1)
    np.testing.assert_allclose(found.confidences.reshape(2, 19), said * context, rtol=1e-5)


@pytest.mark.thorough
def test_a_rung_is_trained_predicted_and_scored(tmp_path):
    sizes = ["--train-images", "9", "--test-images", "3", "--size-px", "256", "--seeds", "1", "--epochs", "1"]
    words = ["model=tiny", "folds.count=3"]
    main([str(tmp_path), "--rungs", ORACLE, *sizes, "--words", *words])
    result = Climb(tmp_path, 1, ()).result(ORACLE, 0)
    assert 0 < result.mean_ap <= 1
    assert 0 < result.context_mean_ap <= 1
    assert result.cells_per_second > 0
