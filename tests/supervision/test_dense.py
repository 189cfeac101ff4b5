from dataclasses import replace

import pytest
import torch
from torch import nn

from hpa.core.errors import InputError
from hpa.interfaces import Supervision
from hpa.supervision.dense import DenseSupervision, SoftMaskSupervision
from tests.roles import assert_fills
from tests.supervision.striped_sections import SIDE_PX, SmallEncoder, sections

RUNS = ["runs/first"]


def plain_loss():
    return nn.BCEWithLogitsLoss()


def cost(batch, label_weight=0.7):
    torch.manual_seed(0)
    return SoftMaskSupervision(plain_loss(), RUNS, label_weight).step(SmallEncoder(), batch, 0.0).terms["pixels"]


def dense_cost(batch):
    torch.manual_seed(0)
    return DenseSupervision(plain_loss()).step(SmallEncoder(), batch, 0.0).terms["pixels"]


def predictions_of(count, value):
    return torch.full((count, SIDE_PX, SIDE_PX), value)


def test_it_names_the_runs_it_learns_from():
    made = SoftMaskSupervision(plain_loss(), RUNS, 0.7)
    assert_fills(made, Supervision)
    assert made.teacher_runs == ("runs/first",)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_mask_is_mixed_with_the_predictions(share):
    batch = sections(0)
    predicted = torch.rand(len(batch), SIDE_PX, SIDE_PX, generator=torch.Generator().manual_seed(1))
    softened = replace(batch, soft_targets=predicted, has_truth=torch.ones(len(batch), dtype=torch.bool))
    mixed = replace(batch, targets=share * batch.targets + (1 - share) * predicted[:, None])
    assert torch.allclose(cost(softened, share), dense_cost(mixed))


def test_an_image_without_a_mask_learns_the_predictions_alone():
    batch = sections(0, count=2)
    softened = replace(batch, soft_targets=predictions_of(2, 0.25), has_truth=torch.tensor([False, False]))
    assert torch.allclose(cost(softened), dense_cost(replace(batch, targets=torch.full_like(batch.targets, 0.25))))


def test_an_image_without_predictions_keeps_its_mask():
    batch = sections(0, count=2)
    predicted = predictions_of(2, 0.25)
    predicted[1] = float("nan")
    targets = batch.targets.clone()
    targets[0] = 0.7 * targets[0] + 0.3 * 0.25
    known = torch.tensor([True, True])
    assert torch.allclose(
        cost(replace(batch, soft_targets=predicted, has_truth=known)), dense_cost(replace(batch, targets=targets))
    )
    assert torch.equal(cost(batch), dense_cost(batch))  # validation: no predictions


def test_unusable_settings_are_refused():
    with pytest.raises(InputError, match=r"supervision\.runs must list run folders"):
        SoftMaskSupervision(plain_loss(), [], 0.7)
    with pytest.raises(InputError, match=r"supervision\.label_weight"):
        SoftMaskSupervision(plain_loss(), RUNS, 1.5)
    batch = sections(0, count=1)
    with pytest.raises(InputError, match="model/target=foreground"):
        cost(replace(batch, targets=batch.targets.expand(-1, 3, -1, -1)))
