"""Maps add up to the logit they explain, and lie where the class is."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from hpa.core.errors import InputError
from hpa.interfaces import CellOutput
from hpa.models.class_maps import class_maps, contributions
from hpa.models.crop import CropModel
from hpa.models.frozen import FrozenModel
from hpa.models.heads import DenseHead, LinearHead
from hpa.models.timm_extractor import TimmExtractor

LINEAR = partial(LinearHead, drop_rate=0.0, prior=0.1)


def model_of(backbone: str, head=LINEAR) -> CropModel:
    model = CropModel(backbone, head, 2, 3, None, False, 0.0, None, 0.0, 1.0).eval()
    nn.init.normal_(model.head.classifier.weight)
    return model


def crops_of(cells: int, side_px: int = 96) -> np.ndarray:
    return np.random.default_rng(0).random((cells, 2, side_px, side_px), np.float32)


def logits_of(model: CropModel, crops: np.ndarray) -> torch.Tensor:
    with torch.no_grad():
        return model.head(model.backbone(torch.from_numpy(crops)))[1]


def test_of_a_mean_and_a_linear_layer_the_places_add_up_to_the_logit_without_its_bias(monkeypatch):
    model, crops, classes = model_of("test_resnet"), crops_of(3), np.array([2, 0, 1])
    monkeypatch.setattr("hpa.models.class_maps.MIN_PLACES", 3)  # the last map of this network
    found = contributions(model, torch.from_numpy(crops), classes).sum(axis=(1, 2))
    expected = (logits_of(model, crops) - model.head.classifier.bias)[range(3), classes]
    np.testing.assert_allclose(found, expected.detach().numpy(), rtol=1e-3)


@pytest.mark.parametrize("backbone", ["test_resnet", "test_nfnet", "test_convnext", "test_vit"])
def test_cells_and_classes_have_maps_of_their_own_whatever_batch_they_come_in(backbone):
    model, crops = model_of(backbone, partial(DenseHead, hidden_count=8, drop_rate=0.0, prior=0.1)), crops_of(2)
    both = class_maps(model, crops, np.array([0, 1]))
    assert both.shape == (2, 96, 96)
    assert both.std(axis=(1, 2)).min() > 0
    alone, of_another = (class_maps(model, crops[1:], np.array([index]))[0] for index in (1, 0))
    # correlated, not equal: sums of terms that cancel are rounded differently in a batch of another size
    assert np.corrcoef(alone.ravel(), both[1].ravel())[0, 1] > 0.99
    assert np.corrcoef(of_another.ravel(), both[1].ravel())[0, 1] < 0.98


def test_the_map_lies_where_the_class_is():
    """A network without bias sees nothing in black: all that supports a class lies in the lit quarter."""
    model, crops = model_of("test_resnet"), np.zeros((1, 2, 96, 96), np.float32)
    crops[:, :, 48:, :48] = crops_of(1, 48)
    best = int(logits_of(model, crops).argmax())
    shares = np.abs(class_maps(model, crops, np.array([best]))[0]).reshape(2, 48, 2, 48).sum(axis=(1, 3))
    assert shares[1, 0] > 0.6 * shares.sum()


def test_a_network_that_is_not_trained_has_maps_too():
    extractor = partial(TimmExtractor, backbone="test_resnet", input_channels=None, side_px=None)
    model = FrozenModel(extractor, LINEAR, 2, 3, None, ["a", "b"], 10).eval()
    model.filled.fill_(True)
    assert class_maps(model, crops_of(1), np.array([1])).std() > 0


def test_a_network_without_maps_is_refused():
    with pytest.raises(InputError, match="has no map"):
        class_maps(NoMaps(), crops_of(1), np.array([0]))


class NoMaps(nn.Module):
    """Looks at means alone."""

    def __init__(self) -> None:
        super().__init__()
        self.head = LinearHead(2, 3, 0.0, 0.1)

    def forward(self, batch):
        return CellOutput(*self.head(batch.crops.mean(dim=(2, 3))))


def test_no_cell_has_no_map():
    assert class_maps(model_of("test_resnet"), crops_of(0), np.zeros(0, np.int64)).shape == (0, 96, 96)
