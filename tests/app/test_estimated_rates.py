from __future__ import annotations

import pandas as pd
import pytest
from torch import nn

from hpa.app.estimated_rates import FILE_NAME, write_estimated_rates
from hpa.supervision.image_posterior import ImagePosterior
from hpa.supervision.label_rates import RatePrior
from hpa.training.run_folder import RunFolder


def test_rates_are_written_class_by_class_wherever_a_strategy_holds_them(tmp_path):
    posterior = ImagePosterior([0.25, 0.5], "estimated", RatePrior(0.02, 20.0), 2)
    write_estimated_rates(RunFolder(tmp_path), nn.ModuleDict({"a": nn.ModuleList([posterior])}), ["x", "y"])
    rates = pd.read_csv(tmp_path / FILE_NAME)
    assert rates["class"].tolist() == ["x", "y"]
    assert rates["false_negative_rate"].tolist() == [0.25, 0.5]
    assert rates["false_positive_rate"].tolist() == pytest.approx([0.02, 0.02])


def test_strategies_without_rates_write_nothing(tmp_path):
    write_estimated_rates(RunFolder(tmp_path), nn.Identity(), ["x"])
    assert not list(tmp_path.iterdir())
