"""A network that is not trained, with a head that is."""

from __future__ import annotations

from functools import partial

import pytest
import timm
import torch

from hpa.core.errors import InputError
from hpa.models.frozen import FrozenModel
from hpa.models.heads import LinearHead
from hpa.models.timm_extractor import TimmExtractor

SHOWN = ["red", "green", "blue", "yellow"]


@pytest.fixture
def weights(tmp_path) -> str:
    torch.save(timm.create_model("test_resnet", in_chans=4).state_dict(), tmp_path / "weights.pth")
    return str(tmp_path / "weights.pth")


def frozen(weights: str | None, channels: list[str] = SHOWN, cached_cells: int = 100) -> FrozenModel:
    extractor = partial(TimmExtractor, backbone="test_resnet", input_channels=None, side_px=64)
    head = partial(LinearHead, drop_rate=0.0, prior=0.1)
    return FrozenModel(extractor, head, 4, 19, weights, channels, cached_cells)


def test_the_head_is_trained_and_nothing_else(weights, noise_batch):
    model, batch = frozen(weights).train(), noise_batch()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=1.0)
    model(batch).logits.sum().backward()
    optimizer.step()
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"head.classifier.weight", "head.classifier.bias"}


def test_features_are_alike_in_training_and_evaluation(weights, noise_batch):
    model, batch = frozen(weights, cached_cells=0), noise_batch()
    assert torch.equal(model.train()(batch).features, model.eval()(batch).features)


def test_a_second_look_is_remembered(weights, noise_batch):
    model, batch, looks = frozen(weights), noise_batch(), []
    model.extractor.register_forward_hook(lambda *_: looks.append(1))
    first = model(batch).features
    assert torch.equal(model(batch).features, first)
    assert len(looks) == 1


def test_a_checkpoint_fills_what_has_no_file(weights, noise_batch):
    trained, anew = frozen(weights).eval(), frozen(None).eval()
    with pytest.raises(InputError, match=r"model\.weights=FILE is missing"):
        anew(noise_batch())
    anew.load_state_dict(trained.state_dict())
    batch = noise_batch()
    assert torch.equal(anew(batch).logits, trained(batch).logits)


def test_names_and_channels_that_disagree_are_refused(weights):
    with pytest.raises(InputError, match="names 3 channels, the data set has 4"):
        frozen(weights, SHOWN[:3])


def test_other_channels_than_in_training_are_refused(weights, noise_batch):
    with pytest.raises(InputError, match="made for 4 channels, the crops have 3"):
        frozen(weights)(noise_batch(channels=3))
