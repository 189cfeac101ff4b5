"""The rows of the shift tables, from results as they are kept and from a small run."""

import json
from pathlib import Path

import pytest

from benchmarks.tissue_shift import kept_table, main, measure
from benchmarks.tissue_shift_baselines import CLASSICAL
from benchmarks.tissue_shift_steps import NUCLEI, SECTIONS
from benchmarks.tissue_shift_worlds import World

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("steps", [NUCLEI, SECTIONS], ids=["nuclei", "sections"])
def test_rows_refer_to_rows_that_are_there(steps):
    names = [step.name for step in steps]
    assert len(set(names)) == len(names)
    assert {step.run for step in steps} | {step.against for step in steps} <= {*names, ""}
    assert all(not step.training for step in steps if step.run != step.name)


def test_a_kept_result_is_not_made_again_and_stands_in_the_table(tmp_path):
    (tmp_path / "truth.csv").write_text("id,organ\na,nuclei\n", encoding="utf-8")
    world = World((), (), tmp_path / "truth.csv", tmp_path, CLASSICAL, NUCLEI)
    kept = {"dice": 0.75, "per_image": {"a": 0.75}}
    (tmp_path / "plain_1.json").write_text(json.dumps(kept), encoding="utf-8")
    (plain,) = [step for step in NUCLEI if step.name == "plain"]
    assert measure(tmp_path, world, plain, 1, []) == kept
    assert "| plain: rotations and flips | 1 | .750 |" in kept_table(tmp_path, world, [0, 1])


@pytest.mark.thorough
def test_steps_are_trained_predicted_and_scored(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("benchmarks.tissue_shift_worlds._SECTIONS", (14, 5))
    monkeypatch.setattr("benchmarks.tissue_shift_worlds._SECTIONS_PX", 160)
    words = ["trainer.max_epochs=1", "trainer.limit_batches=2", "tiles.side_px=64", "trainer.precision=32-true"]
    given = [str(tmp_path), "--world", "synthetic", "--splits", "0", "--steps", "plain", "floor", "--words", *words]
    main(given)
    assert "| random baseline | 1 |" in capsys.readouterr().out
    submission = tmp_path / "synthetic" / "plain_0.csv"
    stamp = submission.stat().st_mtime_ns
    main(given)
    assert submission.stat().st_mtime_ns == stamp
