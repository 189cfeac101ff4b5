from __future__ import annotations

import pytest
import torch
from timm import create_model

from hpa.core.errors import InputError
from hpa.models.feature_pyramid import FeaturePyramid

FAST = ["test_resnet", "test_convnext", "test_efficientnet"]
SLOW = ["swin_tiny_patch4_window7_224", "densenet121", "eca_nfnet_l0"]


@pytest.mark.parametrize("name", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_maps_halve_from_a_quarter_on(name):
    pyramid = FeaturePyramid(name, channel_count=4, width=16, weights=None, pretrained=False).eval()
    with torch.inference_mode():
        maps = pyramid(torch.zeros(1, 4, 128, 192))
    assert {level: tuple(one.shape[1:]) for level, one in maps.items()} == {
        "0": (16, 32, 48),
        "1": (16, 16, 24),
        "2": (16, 8, 12),
        "3": (16, 4, 6),
        "pool": (16, 2, 3),
    }


@pytest.mark.parametrize("name", FAST)
def test_weights_of_the_whole_network_are_those_of_its_maps(name, tmp_path):
    whole = create_model(name, num_classes=7).eval()
    torch.save(whole.state_dict(), tmp_path / "whole.pth")
    pyramid = FeaturePyramid(name, 3, 16, str(tmp_path / "whole.pth"), pretrained=False).eval()
    pictures = torch.rand(1, 3, 96, 96)
    with torch.inference_mode():
        last = whole.forward_intermediates(pictures, intermediates_only=True)[-1]
        assert torch.allclose(pyramid.body(pictures)[-1], last, atol=1e-5)


def test_a_network_of_one_scale_is_refused_by_name():
    with pytest.raises(InputError, match=r"'test_vit' has no feature maps at strides 4, 8, 16, 32.*resnet50"):
        FeaturePyramid("test_vit", 3, 16, None, pretrained=False)


def test_an_unknown_network_is_refused_with_similar_names():
    with pytest.raises(InputError, match="resnet18"):
        FeaturePyramid("resnet_18", 3, 16, None, pretrained=False)
