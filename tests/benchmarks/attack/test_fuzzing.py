import importlib

import pytest

from benchmarks.attack.isolation import run_isolated

TRIES = {
    "masks": 3000,
    "column_runs": 1000,
    "coco_files": 300,
    "cellpose_files": 500,
    "tables": 400,
    "saved_configs": 200,
    "bit_flips": 400,
    "metadata_files": 400,
}


@pytest.mark.parametrize("name", TRIES)
def test_a_small_attack_finds_nothing(name):
    attack = importlib.import_module(f"benchmarks.attack.{name}")
    figures = run_isolated(attack.__name__, 1, 120, tries=TRIES[name], memory_mb=1024, hang_seconds=20)
    assert figures.is_clean, figures.failures
    assert figures.tries == TRIES[name]
    assert 0.1 < figures.refused / figures.tries < 0.95
