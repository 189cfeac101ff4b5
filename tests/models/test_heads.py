from __future__ import annotations

import pytest
import torch

from hpa.core.errors import InputError
from hpa.models.heads import DenseHead, LinearHead


def test_linear_gives_its_input_as_features():
    head = LinearHead(feature_count=12, class_count=5, drop_rate=0.5, prior=0.1)
    pooled = torch.randn(3, 12)
    features, logits = head(pooled)
    assert features is pooled
    assert logits.shape == (3, 5)


def test_dense_gives_its_hidden_layer_as_features():
    head = DenseHead(feature_count=12, class_count=5, hidden_count=7, drop_rate=0.5, prior=0.1)
    features, logits = head(torch.randn(3, 12))
    assert features.shape == (3, 7)
    assert logits.shape == (3, 5)


def test_dense_trains_on_a_single_cell():
    head = DenseHead(feature_count=12, class_count=5, hidden_count=7, drop_rate=0.0, prior=0.1).train()
    head(torch.randn(1, 12))[1].sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in head.parameters())


@pytest.mark.parametrize("prior", [0.01, 0.087, 0.5])
def test_every_class_starts_at_the_prior(prior):
    heads = [LinearHead(64, 19, 0.0, prior), DenseHead(64, 19, 32, 0.0, prior)]
    for head in heads:
        probabilities = head(torch.randn(200, 64))[1].sigmoid()
        assert probabilities.mean().item() == pytest.approx(prior, rel=0.15)


@pytest.mark.parametrize("prior", [0.0, 1.0, -0.2])
def test_a_prior_that_is_no_probability_is_refused(prior):
    with pytest.raises(InputError, match="prior"):
        LinearHead(4, 2, 0.0, prior)
