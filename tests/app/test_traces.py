"""What is printed of a fault in a user's own part."""

import pytest
import torch

from hpa.app.traces import FULL, trace_of


class Broken(torch.nn.Module):
    def forward(self, values):
        raise RuntimeError("my loss is wrong") from ValueError(f"{len(values)} values")


def trace_through(*modules: torch.nn.Module) -> str:
    with pytest.raises(RuntimeError) as failure:
        torch.nn.Sequential(*modules)(torch.zeros(3))
    return trace_of(failure.value)


@pytest.mark.parametrize("full", [False, True])
def test_frames_of_frameworks_are_left_out_unless_they_are_wanted(full, monkeypatch):
    monkeypatch.delenv(FULL, raising=False)
    if full:
        monkeypatch.setenv(FULL, "1")
    printed = trace_through(torch.nn.Identity(), Broken())
    assert "ValueError: 3 values" in printed
    assert "RuntimeError: my loss is wrong" in printed
    assert printed.count(__file__) == 2
    assert ("_call_impl" in printed) == full
    assert ("are left out" in printed) != full


def test_frames_stay_where_the_error_arose_in_a_framework():
    assert "torch/nn/modules/linear.py" in trace_through(torch.nn.Linear(2, 2))
