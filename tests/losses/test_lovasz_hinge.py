from __future__ import annotations

import pytest
import segmentation_models_pytorch as smp
import torch
from hypothesis import given
from sklearn.metrics import jaccard_score

from hpa.losses.lovasz_hinge import LovaszHingeLoss
from tests.losses.loss_planes import planes_of_logits_and_targets

LOSS = LovaszHingeLoss()


@given(planes_of_logits_and_targets())
def test_is_that_of_the_library_for_each_image_and_plane(drawn):
    logits, targets = (part.flatten(0, 1) for part in drawn)  # the library knows images of one plane
    theirs = smp.losses.LovaszLoss("binary", per_image=True)
    assert torch.allclose(LOSS(*drawn), theirs(logits.float(), targets.float()).to(logits.dtype), rtol=1e-4, atol=1e-5)


def test_at_logits_of_one_it_is_twice_the_jaccard_loss():
    generator = torch.Generator().manual_seed(0)
    predicted, target = (torch.rand(1, 1, 12, 10, generator=generator).round() for _ in range(2))
    # a right pixel has no hinge at a logit of 1, a wrong one a hinge of 2
    expected = 2 * (1 - jaccard_score(target.ravel(), predicted.ravel()))
    assert float(LOSS(2 * predicted - 1, target)) == pytest.approx(expected, rel=1e-5)


def test_of_an_empty_image_the_most_confident_false_positive_counts():
    logits = torch.tensor([[-3.0, 0.5], [2.0, -1.0]])[None, None]
    assert float(LOSS(logits, torch.zeros(1, 1, 2, 2))) == pytest.approx(3.0)
