"""What a composed config is resolved to."""

import pytest
from omegaconf import OmegaConf

from hpa.config import plain
from hpa.core.errors import InputError


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("key", ["segmenter.reach_um", "optimizer.learning_rate"])
def test_numbers_that_are_not_finite_are_refused_by_name(key, number):
    slot, name = key.split(".")
    with pytest.raises(InputError, match=rf"^{key}={number}: a finite number is expected"):
        plain(OmegaConf.create({slot: {name: number, "sizes": [1.0]}}))
    with pytest.raises(InputError, match=rf"^{key}\[1\]={number}: a finite number is expected"):
        plain(OmegaConf.create({slot: {name: [1.0, number]}}))
    assert plain(OmegaConf.create({slot: {name: 1e300}})) == {slot: {name: 1e300}}
