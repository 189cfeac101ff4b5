import pandas as pd
import pytest

from hpa.training.standstill import standstill


@pytest.mark.parametrize(
    ("scores", "warned"),
    [([0.0] * 4, True), ([0.5] * 3, True), ([0.0], True), ([0.0, 0.2], False), ([0.5], False), ([1.0] * 3, False)],
)
def test_a_score_that_never_moves_is_a_warning(scores, warned):
    shown = standstill(pd.DataFrame({"val_image_f1": scores}), "val_image_f1", 3, 1)
    assert (f"stayed at {scores[0]:.4f}" in shown) == warned
    assert ("3 images train it" in shown) == warned


def test_without_a_score_nothing_is_known():
    assert standstill(pd.DataFrame({"val_image_f1": [float("nan")]}), "val_image_f1", 3, 1) == ""
    assert standstill(pd.DataFrame({"val_loss": [0.3, 0.3]}), "val_loss", 3, 1) == ""
