import pytest

from benchmarks.attack.kill_shared import attack


@pytest.mark.thorough
def test_killed_processes_of_a_shared_run_change_nothing():
    figures = attack(seed=2, seconds=300, kills=6)
    assert figures.is_clean, figures.failures
    assert figures.tries >= 4
