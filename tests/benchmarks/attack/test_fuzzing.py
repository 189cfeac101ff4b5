import importlib

import pytest

from benchmarks.attack.isolation import run_isolated

TRIES = {
    "masks": 1000,
    "column_runs": 500,
    "coco_files": 150,
    "cellpose_files": 200,
    "tables": 100,
    "saved_configs": 80,
    "bit_flips": 150,
    "metadata_files": 120,
}


@pytest.mark.parametrize("name", TRIES)
def test_a_small_attack_finds_nothing(name):
    attack = importlib.import_module(f"benchmarks.attack.{name}")
    figures = run_isolated(attack.__name__, 1, 900, tries=TRIES[name], memory_mb=1024, hang_seconds=120)
    assert figures.is_clean, figures.failures
    assert figures.tries == TRIES[name]
    assert 0.1 < figures.refused / figures.tries < 0.95
