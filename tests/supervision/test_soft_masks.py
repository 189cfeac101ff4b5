from dataclasses import replace

import pytest
import torch
from torch import nn

from hpa.core.errors import InputError
from hpa.interfaces import Supervision, TaughtMasksByRuns
from hpa.supervision.direct import DirectSupervision
from hpa.supervision.soft_masks import SoftMaskSupervision
from tests.supervision.striped_sections import SIDE_PX, SmallEncoder, sections

RUNS = ["runs/first"]


def plain_loss():
    return nn.BCEWithLogitsLoss()


def cost(batch, label_weight=0.7):
    torch.manual_seed(0)
    return SoftMaskSupervision(plain_loss(), RUNS, label_weight).terms(SmallEncoder(), batch, 0.0)["pixels"]


def direct_cost(batch):
    torch.manual_seed(0)
    return DirectSupervision(plain_loss()).terms(SmallEncoder(), batch, 0.0)["pixels"]


def said_of(count, value):
    return torch.full((count, SIDE_PX, SIDE_PX), value)


def test_it_plays_its_roles():
    made = SoftMaskSupervision(plain_loss(), RUNS, 0.7)
    assert isinstance(made, Supervision)
    assert isinstance(made, TaughtMasksByRuns)
    assert made.mask_runs == ("runs/first",)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_a_mask_is_mixed_with_what_was_said(share):
    batch = sections(0)
    said = torch.rand(len(batch), SIDE_PX, SIDE_PX, generator=torch.Generator().manual_seed(1))
    taught = replace(batch, taught=said, has_truth=torch.ones(len(batch), dtype=torch.bool))
    mixed = replace(batch, targets=share * batch.targets + (1 - share) * said[:, None])
    assert torch.allclose(cost(taught, share), direct_cost(mixed))


def test_an_image_without_a_mask_is_taught_what_was_said_alone():
    batch = sections(0, count=2)
    taught = replace(batch, taught=said_of(2, 0.25), has_truth=torch.tensor([False, False]))
    assert torch.allclose(cost(taught), direct_cost(replace(batch, targets=torch.full_like(batch.targets, 0.25))))


def test_an_image_that_nobody_spoke_of_keeps_its_mask():
    batch = sections(0, count=2)
    said = said_of(2, 0.25)
    said[1] = float("nan")
    targets = batch.targets.clone()
    targets[0] = 0.7 * targets[0] + 0.3 * 0.25
    known = torch.tensor([True, True])
    assert torch.allclose(
        cost(replace(batch, taught=said, has_truth=known)), direct_cost(replace(batch, targets=targets))
    )
    assert torch.equal(cost(batch), direct_cost(batch))  # validation: nobody speaks of it


def test_what_makes_no_sense_is_told():
    with pytest.raises(InputError, match=r"supervision\.runs must list run folders"):
        SoftMaskSupervision(plain_loss(), [], 0.7)
    with pytest.raises(InputError, match=r"supervision\.label_weight"):
        SoftMaskSupervision(plain_loss(), RUNS, 1.5)
    batch = sections(0, count=1)
    with pytest.raises(InputError, match="model/target=foreground"):
        cost(replace(batch, targets=batch.targets.expand(-1, 3, -1, -1)))
