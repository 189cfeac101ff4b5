"""The results on labels that hold for few cells in `docs/strategies.md`, as far as they do not depend on the seed."""

from __future__ import annotations

import pytest

from tests.supervision.comparison import STRATEGIES, cell_score

CHANCE = 0.04
STEPS = 60


@pytest.mark.slow
@pytest.mark.parametrize(
    "choices",
    [
        "supervision=propagation",
        "supervision=dual supervision/pooling=log_sum_exp",
        *(
            pytest.param(choices, marks=pytest.mark.thorough)
            for choices in (
                "supervision=large_loss",
                "supervision=forward_correction",
                "supervision=expectation_maximisation",
                "supervision=consistency",
                "supervision=propagation batch_augment=mixup",
                "supervision=propagation batch_augment=cutmix",
                "supervision=multiple_instance supervision/pooling=mean",
            )
        ),
    ],
)
def test_they_find_the_few_cells_that_show_a_class(choices):
    assert choices in STRATEGIES
    assert cell_score(choices, STEPS, seed=0) > 15 * CHANCE


@pytest.mark.thorough
def test_a_word_to_each_cell_starts_a_bag():
    alone = cell_score("supervision=multiple_instance supervision/pooling=max", STEPS, seed=0)
    assert cell_score("supervision=dual", STEPS, seed=0) > alone + 0.1


@pytest.mark.thorough
@pytest.mark.parametrize(
    "choices",
    [
        "supervision=puzzle",
        "supervision=cam_consistency",
        "supervision=co_teaching",
        "supervision=multiple_instance supervision/pooling=mean batch_augment=exchange",
    ],
)
def test_slower_ones_are_on_their_way(choices):
    assert choices in STRATEGIES
    assert cell_score(choices, STEPS, seed=0) > 10 * CHANCE
