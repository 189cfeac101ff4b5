from __future__ import annotations

import pytest
import torch
from torch import nn

from hpa.core.errors import InputError
from hpa.interfaces import CellOutput
from hpa.supervision.cam_consistency import CamConsistencySupervision
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import CLASSES, cell_average_precision, plain_loss, tiny_model, toy_batch, train


@pytest.mark.slow
def test_cells_are_learned_from_labels_of_images():
    model = tiny_model()
    losses = train(shipped("supervision=cam_consistency", model), model, [toy_batch(seed) for seed in range(60)])
    assert losses[-1] < losses[0]
    assert cell_average_precision(model) > 0.9


class Seeing(nn.Module):
    """Says of each place what its pixels are; remembers what it was shown."""

    feature_count, class_count = 1, CLASSES

    def __init__(self, offset_of_the_second: float = 0.0) -> None:
        super().__init__()
        self.gives_maps = False
        self.scale = nn.Parameter(torch.ones(()))
        self.offset, self.shown = offset_of_the_second, []

    def forward(self, batch):
        maps = self.scale * batch.crops + (self.offset if self.shown else 0.0)
        self.shown.append(batch.crops)
        return CellOutput(torch.zeros(len(batch), 1), maps.mean((2, 3)), maps)


def terms(model, batch, progress=1.0, numbers=(0.5, 2.0, 0.5)):
    torch.manual_seed(0)
    supervision = CamConsistencySupervision(plain_loss(), *numbers)
    supervision.attach(model)
    return supervision.terms(model, batch, progress)


def test_a_network_that_sees_places_alone_agrees():
    model, batch = Seeing(), toy_batch(0)
    told = terms(model, batch)
    assert told["agreement"].item() == pytest.approx(0, abs=1e-6)
    whole, mixed = model.shown
    changed = (whole != mixed).any(1).float().mean((1, 2))
    assert changed.max() <= 0.5 + 2 / 16  # a rectangle takes half of a crop at most
    assert (changed > 0).sum() > len(batch) / 2


def test_the_distance_counts_for_the_classes_of_both_and_grows():
    batch = toy_batch(0)
    late, early = (terms(Seeing(3.0), batch, progress)["agreement"].item() for progress in (0.5, 0.25))
    assert early == pytest.approx(late / 2)
    label = batch.image_targets[batch.image_of_cell]
    assert 2 * 3.0 * label.mean() <= late <= 2 * 3.0 * min(1.0, 2 * label.mean().item())


def test_labels_are_mixed_by_area():
    class Area(nn.Module):
        feature_count, class_count = 1, CLASSES
        gives_maps = False

        def forward(self, batch):
            return CellOutput(torch.zeros(len(batch), 1), batch.crops.mean((2, 3)), batch.crops)

    def squared(logits, targets):
        return (logits - targets).square().mean()

    batch = toy_batch(0)
    label = batch.image_targets[batch.image_of_cell]
    painted = label[:, :, None, None].expand(*label.shape, 16, 16).contiguous()
    supervision = CamConsistencySupervision(squared, 1.0, 1.0, 0.5)
    supervision.attach(Area())
    found = supervision.terms(Area(), type(batch)(**{**vars(batch), "crops": painted}), 1.0)
    assert found["mixed"].item() == pytest.approx(0, abs=1e-10)  # crops that show their labels show mixed ones


def test_only_maps_of_mixed_crops_move():
    class Twofold(Seeing):
        def __init__(self) -> None:
            super().__init__(1.0)
            self.of_mixed = nn.Parameter(torch.ones(()))

        def forward(self, batch):
            weight = self.of_mixed if self.shown else self.scale
            self.shown.append(batch.crops)
            return CellOutput(torch.zeros(len(batch), 1), weight * batch.crops.mean((2, 3)), weight * batch.crops + 1)

    model = Twofold()
    terms(model, toy_batch(0))["agreement"].backward()
    assert model.scale.grad is None
    assert model.of_mixed.grad is not None


def test_models_without_maps_are_told():
    class Plain(nn.Module):
        feature_count, class_count = 1, CLASSES

    with pytest.raises(InputError, match=r"write model\.view=crop"):
        CamConsistencySupervision(plain_loss(), 1.0, 4.0, 0.5).attach(Plain())


@pytest.mark.parametrize("numbers", [(-1.0, 4.0, 0.5), (1.0, -4.0, 0.5), (1.0, 4.0, 0.0)])
def test_numbers_out_of_range_are_told(numbers):
    with pytest.raises(InputError, match="mixed_weight"):
        CamConsistencySupervision(plain_loss(), *numbers)
