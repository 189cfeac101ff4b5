"""The table of the ladder, from results as they are kept."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest
from scipy import stats

from benchmarks.ladder import ORACLE, RUNGS, Result, climb, main, table

ROOT = Path(__file__).resolve().parents[2]


def test_every_rung_is_a_recipe_and_the_oracle_the_last():
    assert all((ROOT / "experiments" / f"{rung}.yaml").is_file() for rung in RUNGS)
    assert RUNGS[-1] == ORACLE


def test_shares_and_intervals_are_those_of_the_seeds():
    scores = {"hpa/rounds": [0.30, 0.34, 0.32], ORACLE: [0.40, 0.40, 0.40]}
    results = [
        Result(rung, seed, value, 2.0, 50.0) for rung, values in scores.items() for seed, value in enumerate(values)
    ]
    low, high = stats.t.interval(0.95, 2, 0.32, stats.sem(scores["hpa/rounds"]))
    rounds, oracle = table(results).splitlines()[2:]
    assert rounds == f"| hpa/rounds | 3 | 0.320 ± {(high - low) / 2:.3f} | 0.800 | 2.0 | 50 |"
    assert oracle == f"| {ORACLE} | 3 | 0.400 ± 0.000 | 1.000 | 2.0 | 50 |"


def test_without_an_oracle_or_a_second_seed_nothing_is_claimed():
    assert (
        table([Result("hpa/rounds", 0, 0.3, 2.0, 50.0)]).splitlines()[2] == "| hpa/rounds | 1 | 0.300 |  | 2.0 | 50 |"
    )


def test_a_kept_result_is_not_made_again(tmp_path):
    kept = Result("hpa/rounds", 1, 0.3, 2.0, 50.0)
    (tmp_path / "hpa_rounds_1.json").write_text(json.dumps(asdict(kept)))
    assert climb(tmp_path, "hpa/rounds", 1, []) == kept


@pytest.mark.slow
def test_a_rung_is_trained_predicted_and_scored(tmp_path):
    sizes = ["--train-images", "9", "--test-images", "3", "--size-px", "256", "--seeds", "1"]
    words = ["model=tiny", "trainer.max_epochs=1", "report=false", "folds.count=3", "loading.workers=0"]
    main([str(tmp_path), "--rungs", ORACLE, *sizes, "--words", *words])
    result = climb(tmp_path, ORACLE, 0, [])
    assert 0 < result.mean_ap <= 1
    assert result.cells_per_second > 0
