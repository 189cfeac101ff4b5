import importlib

import pytest

from benchmarks.attack.isolation import run_isolated

TRIES = {
    "masks": 200,
    "column_runs": 100,
    "coco_files": 30,
    "cellpose_files": 60,
    "tables": 40,
    "saved_configs": 10,
    "bit_flips": 12,
    "metadata_files": 8,
    "array_files": 40,
}


@pytest.mark.parametrize("more", [1, pytest.param(10, marks=pytest.mark.thorough)])
@pytest.mark.parametrize("name", TRIES)
def test_a_small_attack_finds_nothing(name, more):
    attack = importlib.import_module(f"benchmarks.attack.{name}")
    tries = more * TRIES[name]
    figures = run_isolated(attack.__name__, 1, 900, tries=tries, memory_mb=1024, hang_seconds=120)
    assert figures.is_clean, figures.failures
    assert figures.tries == tries
    assert 0.1 < figures.refused / figures.tries < 0.95
