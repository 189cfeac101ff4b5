"""Every architecture that the docs name, with encoders of every family: one training step and a prediction."""

from pathlib import Path

import numpy as np
import pytest
import torch

from hpa.config import build
from hpa.inference.tissue.predictor import PixelPredictor
from hpa.interfaces import PixelBatch
from hpa.losses.dice import DiceLoss
from hpa.suggestions import compose_slot
from hpa.supervision.dense import DenseSupervision

pytestmark = pytest.mark.slow
thorough = pytest.mark.thorough
ROOT = Path(__file__).resolve().parents[2]
SIDE_PX = 64
NETWORKS = [
    pytest.param("unet", "resnet34", marks=thorough),
    ("unet", "efficientnet-b0"),
    pytest.param("unet", "mit_b0", marks=thorough),
    pytest.param("unet", "tu-convnext_atto", marks=thorough),
    ("unet", "tu-test_resnet"),
    ("unetplusplus", "resnet34"),
    pytest.param("unetplusplus", "efficientnet-b0", marks=thorough),
    ("deeplabv3plus", "resnet34"),
    pytest.param("deeplabv3plus", "efficientnet-b0", marks=thorough),
    ("upernet", "tu-convnext_atto"),
    pytest.param("upernet", "resnet18", marks=thorough),
    ("segformer", "mit_b0"),
    pytest.param("segformer", "mit_b1", marks=thorough),
    pytest.param("segformer", "resnet18", marks=thorough),
]
"""Each architecture and each family of encoders once; more pairs are thorough."""

WORDS_OF = {
    "unetplusplus": ["model=unet", "model.architecture=unetplusplus"],
    "deeplabv3plus": ["model=unet", "model.architecture=deeplabv3plus", "model.decoder.decoder_channels=256"],
    "upernet": ["model=unet", "model.architecture=upernet", "model.decoder.decoder_channels=256"],
}
"""Architectures without a file of their own in conf/model."""


def batch_of(count: int) -> PixelBatch:
    draw = torch.Generator().manual_seed(0)
    images = torch.rand(count, 3, SIDE_PX, SIDE_PX, generator=draw)
    targets = (images.mean(dim=1, keepdim=True) > 0.5).float()
    none = (torch.zeros(0, dtype=torch.int64),) * count
    return PixelBatch(images, targets, targets[:, 0].int(), none, torch.arange(count))


@pytest.mark.parametrize(("model", "encoder"), NETWORKS)
def test_it_takes_a_step_and_predicts_images_of_any_size(model, encoder):
    words = [*WORDS_OF.get(model, [f"model={model}"]), "model/target=foreground", f"model.encoder={encoder}"]
    config = compose_slot(ROOT, "train", "model", words)
    torch.manual_seed(0)
    network = build(config, channel_count=3, class_count=1)
    supervision, batch = DenseSupervision(DiceLoss(1.0)), batch_of(2)
    optimizer = torch.optim.SGD(network.parameters(), 1e-3)
    before = supervision.step(network, batch, 0.0).terms["pixels"]
    before.backward()
    assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in network.parameters())
    assert sum(parameter.grad is not None for parameter in network.parameters()) > 10
    optimizer.step()
    predictor = PixelPredictor(network, torch.device("cpu"), "fp32", SIDE_PX, 16, 2)
    planes = np.random.default_rng(0).random((3, 100, 70), np.float32)
    probabilities = predictor.probabilities(planes)
    assert probabilities.shape == (100, 70)
    assert (probabilities >= 0).all()
    assert (probabilities <= 1).all()
