"""The results on a rare class in `docs/strategies.md`, as far as they do not depend on the seed."""

from __future__ import annotations

import pytest

from tests.supervision.imbalance import CHOICES, RARE, rare_world, scores


def test_few_images_are_labelled_with_the_rare_class():
    share = rare_world(0).image_targets.mean(dim=0)
    assert 0 < share[RARE] < 0.1
    assert (share[RARE + 1 :] > 0.4).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "choices",
    [
        "sampling=class_balanced loss=binary_cross_entropy",
        "sampling=uniform loss=class_balanced",
        "sampling=uniform loss=logit_adjusted",
    ],
)
def test_a_rare_class_is_learned(choices):
    assert choices in CHOICES
    assert scores(choices, 90, seed=0)[0] > 0.8
