from __future__ import annotations

import pytest
import torch
from hypothesis import given
from torch.nn.functional import binary_cross_entropy_with_logits

from hpa.core.errors import InputError
from hpa.losses.binary_cross_entropy import BinaryCrossEntropyLoss
from hpa.losses.focal import FocalLoss
from hpa.losses.per_pixel import PerPixelLoss
from tests.losses.conftest import composed
from tests.losses.loss_planes import planes_of_logits_and_targets


@given(planes_of_logits_and_targets())
def test_as_shipped_it_is_cross_entropy_of_every_pixel(drawn):
    assert torch.allclose(composed("per_pixel")(*drawn), binary_cross_entropy_with_logits(*drawn))


@given(planes_of_logits_and_targets(planes=2))
def test_class_weights_are_weights_of_planes(drawn):
    logits, targets = drawn
    first, second = (binary_cross_entropy_with_logits(logits[:, k], targets[:, k]) for k in (0, 1))
    loss = PerPixelLoss(BinaryCrossEntropyLoss([1.0, 5.0], None))
    assert torch.allclose(loss(logits, targets), (first + 5 * second) / 2)


@given(planes_of_logits_and_targets(planes=1))
def test_one_plane_is_the_part_on_its_pixels(drawn):
    logits, targets = drawn
    part = FocalLoss(2.0, 0.25, None)
    assert torch.allclose(PerPixelLoss(part)(logits, targets), part(logits.reshape(-1, 1), targets.reshape(-1, 1)))


def test_weights_of_other_planes_are_refused():
    with pytest.raises(InputError, match="holds 2 numbers"):
        PerPixelLoss(BinaryCrossEntropyLoss([1.0, 2.0], None))(torch.zeros(1, 3, 2, 2), torch.zeros(1, 3, 2, 2))
