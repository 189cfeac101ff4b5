import pytest

from benchmarks.attack.kill_inference import attack


@pytest.mark.thorough
def test_a_killed_prediction_ends_with_the_bytes_of_an_undisturbed_one():
    figures = attack(seed=2, seconds=300, kills=8)
    assert figures.is_clean, figures.failures
    assert figures.tries >= 4
