from __future__ import annotations

import pytest
import timm
import torch

from hpa.core.errors import InputError
from hpa.models.timm_extractor import TimmExtractor

SHOWN = ("red", "green", "blue", "yellow")


def checkpoint_of(network: torch.nn.Module) -> dict:
    teacher = {f"module.backbone.{key}": value for key, value in network.state_dict().items()}
    return {"teacher": teacher, "student": {}, "epoch": 1}


def test_features_are_the_teachers_of_standardised_cells_in_its_own_order(tmp_path):
    network = timm.create_model("test_vit", in_chans=4, num_classes=0, dynamic_img_size=True).eval()
    torch.save(checkpoint_of(network), tmp_path / "checkpoint.pth")
    reads = ["yellow", "blue", "green", "red"]
    extractor = TimmExtractor(str(tmp_path / "checkpoint.pth"), SHOWN, "test_vit", reads, 64).eval()
    crops = torch.rand(2, 4, 64, 64)
    expected = crops[:, [3, 2, 1, 0]].flatten(2)
    expected = (expected - expected.mean(dim=2, keepdim=True)) / expected.std(dim=2, correction=0, keepdim=True)
    with torch.inference_mode():
        found = extractor(crops)
        torch.testing.assert_close(found, network(expected.reshape(2, 4, 64, 64)), atol=1e-4, rtol=1e-3)
    assert found.shape[1] == extractor.feature_count


def test_weights_of_photographs_are_adapted_to_the_channels(tmp_path):
    torch.save(timm.create_model("test_vit", num_classes=5).state_dict(), tmp_path / "rgb.pth")
    extractor = TimmExtractor(str(tmp_path / "rgb.pth"), SHOWN, "test_vit", None, 64).eval()
    assert extractor(torch.rand(2, 4, 80, 80)).shape == (2, extractor.feature_count)


def test_an_empty_channel_is_no_matter():
    extractor = TimmExtractor(None, SHOWN, "test_vit", None, 64).eval()
    crops = torch.rand(1, 4, 64, 64)
    crops[:, 2] = 0
    assert extractor(crops).isfinite().all()


def test_a_missing_channel_is_refused():
    with pytest.raises(InputError, match="lacks yellow"):
        TimmExtractor(None, SHOWN[:3], "test_vit", list(SHOWN), 64)
