"""What is printed of a fault in a user's own part."""

import pytest
import torch

from hpa.app.main import EXIT_FAILED, shown_exit_code
from hpa.app.traces import FULL


class Broken(torch.nn.Module):
    def forward(self, values):
        raise RuntimeError("my loss is wrong") from ValueError(f"{len(values)} values")


def call_through_torch() -> int:
    return torch.nn.Sequential(torch.nn.Identity(), Broken())(torch.zeros(3))


@pytest.mark.parametrize("full", [False, True])
def test_frames_of_frameworks_are_left_out_unless_they_are_wanted(full, monkeypatch, capsys):
    monkeypatch.delenv(FULL, raising=False)
    if full:
        monkeypatch.setenv(FULL, "1")
    assert shown_exit_code(call_through_torch) == EXIT_FAILED
    printed = capsys.readouterr().err
    assert "ValueError: 3 values" in printed
    assert "RuntimeError: my loss is wrong" in printed
    assert printed.count(__file__) == 2
    assert ("_call_impl" in printed) == full
    assert ("are left out" in printed) != full


def test_frames_stay_where_the_error_arose_in_a_framework(capsys):
    shown_exit_code(lambda: torch.nn.Linear(2, 2)(torch.zeros(3)))
    assert "torch/nn/modules/linear.py" in capsys.readouterr().err
