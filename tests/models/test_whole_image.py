"""Models of whole images: the mean under each cell, gradients, learning, and words for what does not fit."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.interfaces import CellBatch, FieldBatch, SeesFields
from hpa.losses.binary_cross_entropy import BinaryCrossEntropyLoss
from hpa.models.heads import LinearHead
from hpa.models.whole_image import WholeImageModel, pool_under_cells
from hpa.supervision.consistency import ConsistencySupervision
from hpa.supervision.propagation import PropagationSupervision

FIELD = "model/view=whole_image"


def squares(images: int, side_px: int, stride: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Four square cells an image, one in each quarter: where they lie in px and on the grid."""
    grid = side_px // stride
    masks = torch.zeros(4, side_px, side_px)
    for cell in range(4):
        top, left = cell // 2 * side_px // 2, cell % 2 * side_px // 2
        masks[cell, top : top + side_px // 2, left : left + side_px // 2] = 1
    coverage = torch.nn.functional.avg_pool2d(masks[None], stride)[0]
    coverage = coverage / coverage.sum(dim=(1, 2), keepdim=True)
    assert coverage.shape[-1] == grid
    return masks, coverage.repeat(images, 1, 1)


@pytest.fixture
def field_batch():
    """Noise with four cells an image; cells of class 1 are striped."""

    def make(images: int = 2, side_px: int = 64, stride: int = 16, channels: int = 4, classes: int = 19) -> CellBatch:
        masks, coverage = squares(images, side_px, stride)
        striped = torch.rand(images, 4) < 0.5
        pictures = 0.2 * torch.rand(images, channels, side_px, side_px)
        stripes = 0.6 * (torch.arange(side_px) // 2 % 2).float()
        for image, shown in enumerate(striped):
            pictures[image, 0] += (masks[shown].sum(dim=0)) * stripes
        targets = torch.zeros(images * 4, classes)
        targets[:, 1] = striped.flatten().float()
        return CellBatch(
            crops=torch.zeros(images * 4, channels, 0, 0),
            image_of_cell=torch.arange(images).repeat_interleave(4),
            cell_id=torch.arange(images * 4),
            cells_in_image=torch.full((images,), 4),
            image_targets=targets.reshape(images, 4, classes).amax(dim=1),
            cell_targets=targets,
            fields=FieldBatch(pictures, coverage),
        )

    return make


@given(seed=st.integers(0, 1000), images=st.integers(1, 3), cells=st.integers(0, 6))
@settings(max_examples=30, deadline=None)
def test_pooling_is_the_mean_of_each_cell_alone(seed, images, cells):
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(images, 5, 4, 4, generator=generator)
    weights = torch.rand(cells, 4, 4, generator=generator) + 0.01
    coverage = weights / weights.sum(dim=(1, 2), keepdim=True)
    image_of_cell = torch.randint(images, (cells,), generator=generator)
    pooled = pool_under_cells(maps, coverage, image_of_cell)
    for cell in range(cells):
        values = maps[image_of_cell[cell]].numpy().astype(np.float64)
        expected = np.average(values.reshape(5, -1), axis=1, weights=weights[cell].numpy().ravel())
        np.testing.assert_allclose(pooled[cell].numpy(), expected, atol=1e-5)


def test_a_map_of_another_size_is_laid_over_the_grid():
    maps = torch.arange(2.0).reshape(1, 1, 1, 2).expand(1, 3, 2, 2)  # 0 on the left, 1 on the right
    left, right = torch.zeros(2, 8, 8)
    left[:, :2], right[:, 6:] = 1 / 16, 1 / 16
    pooled = pool_under_cells(maps, torch.stack([left, right]), torch.zeros(2).long())
    assert torch.allclose(pooled, torch.tensor([[0.0], [1.0]]).expand(2, 3), atol=0.01)


@pytest.mark.parametrize("backbone", ["test_resnet", "test_convnext", "test_vit", "test_efficientnet"])
@pytest.mark.parametrize("decoder", ["null", "16"])
def test_any_network_of_timm_is_a_choice(composed, field_batch, backbone, decoder):
    words = ["model=timm", f"model.backbone={backbone}", FIELD, f"model.decoder_width={decoder}"]
    model = composed(*words, channel_count=2, class_count=3).train()
    output = model(field_batch(channels=2, classes=3))
    assert output.logits.shape == (8, 3)
    assert output.features.shape == (8, model.feature_count)
    output.logits.square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


def test_the_stride_decides_the_view(composed):
    assert isinstance(composed("model=tiny", FIELD), SeesFields)
    assert not isinstance(composed("model=tiny"), SeesFields)


def test_heads_are_those_of_crops(composed, field_batch):
    model = composed("model=tiny", FIELD, "model/head=dense", "model.head.hidden_count=24")
    assert model(field_batch()).features.shape == (8, 24)


def test_cells_of_other_images_do_not_matter(composed, field_batch):
    model, batch = composed("model=tiny", FIELD).eval(), field_batch()
    together = model(batch).logits
    batch.fields.images[1] = 0
    assert torch.allclose(model(batch).logits[:4], together[:4], atol=1e-5)
    assert not torch.allclose(model(batch).logits[4:], together[4:], atol=1e-3)


def test_half_precision_pools_in_full(composed, field_batch):
    model, batch = composed("model=tiny", FIELD).eval(), field_batch()
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        half = model(batch).logits.float()
    assert torch.allclose(half, model(batch).logits, atol=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(
    "strategy_of",
    [
        lambda loss, _: PropagationSupervision(loss, smoothing=0.0),
        lambda loss, model: ConsistencySupervision(loss, 0.9, 1.0, 0.5, 0.1, model),
    ],
    ids=["propagation", "consistency"],
)
def test_strategies_train_models_of_fields_too(field_batch, strategy_of):
    torch.manual_seed(0)
    head = partial(LinearHead, drop_rate=0.0, prior=0.3)
    model = WholeImageModel("test_resnet", head, 4, 2, None, False, 0.0, 8, 32, 0.2, 0.2)
    strategy = strategy_of(BinaryCrossEntropyLoss(class_weights=None, positive_weights=None), model)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    for step in range(40):
        batch = field_batch(images=4, stride=8, classes=2)
        batch.image_targets = batch.cell_targets.reshape(4, 4, 2).mean(dim=1)
        optimizer.zero_grad()
        torch.stack(list(strategy.step(model.train(), batch, step / 40).terms.values())).sum().backward()
        optimizer.step()
    batch = field_batch(images=8, stride=8, classes=2)
    with torch.no_grad():
        logits = model.eval()(batch).logits[:, 1]
    striped = batch.cell_targets[:, 1] > 0
    better = (logits[striped][:, None] > logits[~striped][None]).float().mean()
    assert better > 0.9  # the striped cell stands before the plain one, though only images were labelled


def test_crops_alone_are_refused(composed, noise_batch):
    with pytest.raises(InputError, match="needs whole images, the batch holds crops"):
        composed("model=tiny", FIELD)(noise_batch())


def test_other_channels_than_in_training_are_refused(composed, field_batch):
    with pytest.raises(InputError, match="made for 4 channels, the fields have 3"):
        composed("model=tiny", FIELD)(field_batch(channels=3))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model=tiny", "model.stride=3"], "has maps at strides 2, 4, 8, 16, 32 px"),
        (["model=timm", "model.backbone=test_coatnet"], "takes images of .* px only"),
        (["model=tiny", "model.intensity_std=0.0"], "intensity_std must be positive"),
    ],
)
def test_impossible_settings_are_refused(composed, words, message):
    with pytest.raises(InputError, match=message):
        composed(*words, FIELD)
