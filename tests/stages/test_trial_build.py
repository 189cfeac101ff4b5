from __future__ import annotations

import pytest
import torch

from hpa.config import plain
from hpa.core.errors import InputError
from hpa.stages.trial_build import require_supervision
from tests.supervision.toy_cells import tiny_model

STRATEGIES = [
    ["supervision=expectation_maximisation", "supervision.false_negative_rate=0.0"],
    ["supervision=expectation_maximisation", "supervision.false_positive_rate=[0.1,0.2]"],
    ["supervision=pseudo_label", "supervision/selection=expectation", "supervision.selection.false_negative_rate=1.0"],
]


@pytest.mark.parametrize("words", STRATEGIES, ids=lambda words: words[-1])
def test_rates_out_of_range_are_refused_without_any_cell(composed, words):
    config = plain(composed("train", *words))
    with pytest.raises(InputError, match=r"supervision\.false_"):
        require_supervision(config, config["supervision"], tiny_model(), 4)


@pytest.mark.parametrize("name", ["expectation_maximisation", "multiple_instance", "consistency", "mixed"])
def test_nothing_random_is_drawn(composed, name):
    config = plain(composed("train", f"supervision={name}"))
    model = tiny_model()
    before = torch.random.get_rng_state()
    require_supervision(config, config["supervision"], model, model.class_count)
    assert torch.equal(torch.random.get_rng_state(), before)
