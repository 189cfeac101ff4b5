import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from hpa.training.clipping import AdaptiveClipping, NoClipping, NormClipping


def model_with_gradients(scale: float) -> nn.Module:
    model = nn.ModuleDict({"body": nn.Linear(4, 4), "head": nn.Linear(4, 2)})
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.grad = scale * torch.randn(parameter.shape, generator=generator)
    return model


def norm_of(model: nn.Module) -> float:
    return float(torch.cat([p.grad.flatten() for p in model.parameters()]).norm())


@given(scale=st.floats(1e-3, 1e3), bound=st.floats(0.1, 10))
def test_the_joint_norm_stays_within_the_bound(scale, bound):
    model = model_with_gradients(scale)
    before = norm_of(model)
    NormClipping(bound)(model.named_parameters())
    assert norm_of(model) == pytest.approx(min(before, bound), rel=1e-3)


def test_adaptive_clipping_bounds_units_by_their_weights_and_spares_the_head():
    model = model_with_gradients(scale=100.0)
    head = model["head"].weight.grad.clone()
    AdaptiveClipping(factor=0.01, epsilon=1e-3)(model.named_parameters())
    weight = model["body"].weight
    for unit in range(4):
        bound = 0.01 * max(float(weight[unit].detach().norm()), 1e-3)
        assert float(weight.grad[unit].norm()) <= bound * 1.001
    assert torch.equal(model["head"].weight.grad, head)


def test_no_clipping_changes_nothing():
    model = model_with_gradients(scale=100.0)
    before = norm_of(model)
    NoClipping()(model.named_parameters())
    assert norm_of(model) == before
