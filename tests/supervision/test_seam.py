"""Proof of the seam: three unrelated strategies of about twenty lines each, through one generic loop.

A dual strategy (a bag of cells and each cell), a consistency strategy with a moving-average teacher (Tarvainen and
Valpola, 2017, arXiv:1703.01780), and Mask R-CNN (He et al., 2017, arXiv:1703.06870), which brings its own losses and
its own kind of batch. Each is also driven by the real training module. Nothing outside the classes depends on them.
"""

from __future__ import annotations

import copy
import dataclasses
from functools import partial

import pytest
import pytorch_lightning
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

from hpa.interfaces import CellBatch, InstanceOutput, Loss, StepResult, Supervision, Unit
from hpa.metrics.cell_validation import CellValidation
from hpa.metrics.localisation import Localisation
from hpa.training.callbacks import LossTerms
from hpa.training.clipping import NormClipping
from hpa.training.fit import quiet_lightning
from hpa.training.module import TrainingModule
from hpa.training.optimization import Optimization
from hpa.training.schedule import Constant
from tests.supervision.toy_cells import cell_average_precision, plain_loss, tiny_model, toy_batch, train


def pooled(logits: Tensor, batch: CellBatch) -> Tensor:
    """Return the highest logit of each image's cells (image, class)."""
    index = batch.image_of_cell[:, None].expand_as(logits)
    bags = logits.new_zeros(batch.image_targets.shape)
    return bags.scatter_reduce(0, index, logits, "amax", include_self=False)


class DualSupervision(nn.Module, Supervision):
    """The image's labels for the bag of its cells, and, weighing less, for each cell."""

    unit: Unit = "image"

    def __init__(self, loss: Loss, cell_share: float) -> None:
        super().__init__()
        self.loss = loss
        self.cell_share = cell_share

    def step(self, model: nn.Module, batch: CellBatch, progress: float) -> StepResult:
        output = model(batch)
        bags = self.loss(pooled(output.logits, batch), batch.image_targets)
        cells = self.loss(output.logits, batch.image_targets[batch.image_of_cell])
        return StepResult({"bag": bags, "cells": self.cell_share * cells}, output)


class ConsistencySupervision(nn.Module, Supervision):
    """Two views of a cell must agree: the second with the prediction of a moving average for the first."""

    unit: Unit = "image"

    def __init__(self, loss: Loss, student: nn.Module, decay: float) -> None:
        super().__init__()
        self.loss = loss
        self.decay = decay
        self.teacher = copy.deepcopy(student).eval().requires_grad_(False)

    def step(self, model: nn.Module, batch: CellBatch, progress: float) -> StepResult:
        self._follow(model)
        mirrored = dataclasses.replace(batch, crops=batch.crops.flip(-1))
        target = self.teacher.eval()(batch).logits.sigmoid()
        output = model(batch)
        bags = self.loss(pooled(output.logits, batch), batch.image_targets)
        agreement = (model(mirrored).logits.sigmoid() - target).square().mean()
        return StepResult({"bag": bags, "agreement": progress * agreement}, output)

    @torch.no_grad()
    def _follow(self, model: nn.Module) -> None:
        if model.training:
            for own, other in zip(self.teacher.state_dict().values(), model.state_dict().values(), strict=True):
                own.copy_(own.lerp(other, 1 - self.decay) if own.is_floating_point() else other)


@dataclasses.dataclass
class FieldBatch:
    """Whole fields with their instances, as a detector reads them."""

    images: list[Tensor]
    targets: list[dict[str, Tensor]]

    def __len__(self) -> int:
        return len(self.images)


class FourChannelMaskRcnn(nn.Module):
    """Mask R-CNN of torchvision on four channels, small settings."""

    def __init__(self, side_px: int) -> None:
        super().__init__()
        backbone = resnet_fpn_backbone(
            backbone_name="resnet18", weights=None, norm_layer=nn.BatchNorm2d, trainable_layers=5
        )
        backbone.body.conv1 = nn.Conv2d(4, 64, 7, stride=2, padding=3, bias=False)
        # The tile as it is (the default enlarges it to 800 px), and few proposals: a CPU has to keep up.
        scale = {"min_size": side_px, "max_size": side_px, "image_mean": [0.0] * 4, "image_std": [1.0] * 4}
        counts = {"rpn_pre_nms_top_n_train": 200, "rpn_post_nms_top_n_train": 50, "box_batch_size_per_image": 32}
        self.network = MaskRCNN(backbone, num_classes=3, **scale, **counts)

    def forward(self, batch: FieldBatch) -> InstanceOutput:
        if self.training:
            return InstanceOutput(self.network(batch.images, batch.targets), [])
        return InstanceOutput({}, self.network(batch.images))


class InstanceSupervision(nn.Module, Supervision):
    """The model's own losses."""

    unit: Unit = "image"

    def step(self, model: nn.Module, batch: FieldBatch, progress: float) -> StepResult:
        output = model(batch)
        return StepResult(output.losses, output)


def field_batch(seed: int, side_px: int = 64) -> FieldBatch:
    """Draw two fields of a square in the green and one in the blue channel: classes 1 and 2."""
    draw = torch.Generator().manual_seed(seed)
    images, targets = [], []
    for _ in range(2):
        image, masks = 0.1 * torch.rand(4, side_px, side_px, generator=draw), torch.zeros(2, side_px, side_px)
        corners = torch.randint(2, 28, (2, 2), generator=draw) + torch.tensor([[0, 0], [0, 14]])
        for k, (x, y) in enumerate(corners.tolist()):
            masks[k, y : y + 18, x : x + 18] = 1
            image[1 + k] += 0.8 * masks[k]
        boxes = torch.cat([corners, corners + 18], dim=1).float()
        images.append(image)
        targets.append({"boxes": boxes, "labels": torch.tensor([1, 2]), "masks": masks.to(torch.uint8)})
    return FieldBatch(images, targets)


def optimization() -> Optimization:
    return Optimization(partial(torch.optim.AdamW), 3e-3, 0.01, Constant(), NormClipping(5.0), average_decay=0.0)


def train_by_module(
    supervision: nn.Module, model: nn.Module, batches: list, validated: list | None = None
) -> dict[str, float]:
    """Train one epoch through the real training module, validate if asked; return what it logged."""
    quiet_lightning()
    validation = CellValidation(Localisation("max", 0.5, "image_map"))
    module = TrainingModule(model, supervision, optimization(), validation, {})
    trainer = pytorch_lightning.Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[LossTerms()],
    )  # fmt: skip
    trainer.fit(module, DataLoader(batches, batch_size=None), validated and DataLoader(validated, batch_size=None))
    return {name: float(value) for name, value in trainer.callback_metrics.items()}


def test_a_dual_strategy_learns_cells_from_images():
    model = tiny_model()
    losses = train(DualSupervision(plain_loss(), 0.3), model, [toy_batch(seed) for seed in range(30)])
    assert losses[-1] < 0.7 * losses[0]
    assert cell_average_precision(model) > 0.8


@pytest.mark.thorough
def test_a_consistency_strategy_learns_and_its_teacher_follows():
    model = tiny_model()
    supervision = ConsistencySupervision(plain_loss(), model, decay=0.8)
    untrained = cell_average_precision(supervision.teacher)
    losses = train(supervision, model.train(), [toy_batch(seed) for seed in range(30)])
    assert losses[-1] < 0.8 * losses[0]
    assert cell_average_precision(model) > 0.8
    assert cell_average_precision(supervision.teacher) > untrained + 0.2


def test_the_state_of_a_strategy_is_saved_and_loaded():
    model = tiny_model()
    trained = ConsistencySupervision(plain_loss(), model, decay=0.5)
    train(trained, model, [toy_batch(seed) for seed in range(2)])
    fresh = ConsistencySupervision(plain_loss(), tiny_model(), decay=0.5)
    fresh.load_state_dict(trained.state_dict())
    batch = toy_batch(7)
    assert torch.equal(fresh.teacher.eval()(batch).logits, trained.teacher.eval()(batch).logits)


@pytest.mark.slow
def test_mask_rcnn_learns_by_its_own_losses():
    torch.manual_seed(0)
    model = FourChannelMaskRcnn(64).train()
    losses = train(InstanceSupervision(), model, [field_batch(seed) for seed in range(12)], learning_rate=1e-3)
    assert sum(losses[-3:]) < 0.6 * sum(losses[:3])


def test_the_training_module_drives_any_strategy():
    model = tiny_model()
    dual = DualSupervision(plain_loss(), 0.3)
    consistent = ConsistencySupervision(plain_loss(), model, decay=0.8)
    batches = [toy_batch(seed) for seed in range(3)]
    logged = train_by_module(dual, model, batches, batches[:1])
    assert logged.keys() >= {"train_loss", "train_loss_bag", "train_loss_cells", "val_loss", "val_cell_map"}
    logged = train_by_module(consistent, model, batches, batches[:1])
    assert logged.keys() >= {"train_loss", "train_loss_bag", "train_loss_agreement", "val_loss", "val_cell_map"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You defined a `validation_step`")  # validated by instances, not by cells
def test_the_training_module_drives_mask_rcnn():
    torch.manual_seed(0)
    logged = train_by_module(InstanceSupervision(), FourChannelMaskRcnn(64), [field_batch(seed) for seed in range(2)])
    assert logged.keys() >= {"train_loss", "train_loss_loss_mask", "train_loss_loss_objectness"}
