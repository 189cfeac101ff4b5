from __future__ import annotations

from pathlib import Path

import pytest
import torch

from hpa.core.errors import InputError
from hpa.interfaces import CellOutput
from hpa.models.heads import DenseHead, LinearHead

FILES = (Path(__file__).parents[2] / "conf" / "model").glob("*.yaml")
CHOICES = sorted(file.stem for file in FILES if "hpa.models.crop" in (text := file.read_text()) or "- timm" in text)
FAST = {"tiny", "timm", "resnet18", "convnext_atto"}


def step(model, batch) -> CellOutput:
    output = model.train()(batch)
    output.logits.square().mean().backward()
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)
    return output


@pytest.mark.parametrize(
    "choice", [pytest.param(name, marks=[] if name in FAST else [pytest.mark.slow]) for name in CHOICES]
)
def test_every_choice_trains_a_step(choice, composed, noise_batch):
    output = step(composed(f"model={choice}"), noise_batch(cells=2))
    assert output.logits.shape == (2, 19)
    assert output.maps is None
    assert output.image_logits is None


@pytest.mark.parametrize("name", ["test_vit", "test_nfnet.r160_in1k", "test_convnext", "test_coatnet"])
def test_any_network_of_timm_is_a_choice(name, composed, noise_batch):
    model = composed("model=timm", f"model.backbone={name}", channel_count=2, class_count=3)
    assert step(model, noise_batch(channels=2, classes=3)).logits.shape == (3, 3)


def test_heads_are_parts_of_their_own(composed, noise_batch):
    linear = composed("model=tiny")
    dense = composed("model=tiny", "model/head=dense", "model.head.hidden_count=24")
    assert isinstance(linear.head, LinearHead)
    assert isinstance(dense.head, DenseHead)
    assert step(linear, noise_batch()).features.shape == (3, linear.backbone.feature_count)
    assert step(dense, noise_batch()).features.shape == (3, 24)


def test_the_test_model_is_small(composed):
    assert sum(p.numel() for p in composed("model=tiny").parameters()) < 500_000


def test_intensities_are_put_on_the_scale_of_the_config(composed, noise_batch):
    plain = composed("model=tiny", "model.intensity_mean=0.0", "model.intensity_std=1.0").eval()
    scaled = composed("model=tiny", "model.intensity_mean=0.5", "model.intensity_std=0.25").eval()
    scaled.load_state_dict(plain.state_dict())
    batch = noise_batch()
    expected = scaled(batch).logits
    batch.crops = (batch.crops - 0.5) / 0.25
    assert torch.allclose(plain(batch).logits, expected, atol=1e-6)


def test_cells_do_not_see_each_other(composed, noise_batch):
    model, batch = composed("model=tiny").eval(), noise_batch(cells=4)
    together = model(batch).logits
    batch.crops = batch.crops.flip(0)
    assert torch.allclose(model(batch).logits.flip(0), together, atol=1e-6)


def test_other_channels_than_in_training_are_refused(composed, noise_batch):
    with pytest.raises(InputError, match="made for 4 channels, the crops have 3"):
        composed("model=tiny")(noise_batch(channels=3))


def test_a_scale_of_nothing_is_refused(composed):
    with pytest.raises(InputError, match="intensity_std must be positive"):
        composed("model=tiny", "model.intensity_std=0.0")
