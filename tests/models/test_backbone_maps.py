"""Maps at one stride: those of the whole network, pruned, and joined by a pyramid."""

from __future__ import annotations

import math

import pytest
import torch
from timm import create_model

from hpa.core.errors import InputError
from hpa.models.backbone import TimmBackbone
from hpa.models.whole_image import BackboneMaps, PyramidDecoder

FAST = ["test_resnet", "test_convnext", "test_efficientnet", "test_nfnet"]
SLOW = ["resnet50", "swin_tiny_patch4_window7_224", "densenet121", "eca_nfnet_l0", "vit_small_patch16_224"]


def maps_of(name: str, stride: int, decoder_width: int | None = None, weights: str | None = None) -> BackboneMaps:
    backbone = TimmBackbone(name, 4, weights, pretrained=False, drop_path_rate=0.0, side_px=None)
    return BackboneMaps(backbone, 4, stride, decoder_width).eval()


@pytest.mark.parametrize("name", FAST)
@pytest.mark.parametrize("stride", [4, 8, 16, 32])
@pytest.mark.parametrize("decoder_width", [None, 12])
def test_the_stride_is_chosen(name, stride, decoder_width):
    maps = maps_of(name, stride, decoder_width)
    with torch.inference_mode():
        found = maps(torch.zeros(1, 4, 96, 160))
    assert found.shape == (1, maps.feature_count, 96 // stride, 160 // stride)
    assert decoder_width in (None, maps.feature_count)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_larger_families_too(name):
    with torch.inference_mode():
        assert maps_of(name, 16, 8)(torch.zeros(1, 4, 224, 224)).shape[2:] == (14, 14)


@pytest.mark.slow
@pytest.mark.parametrize("side_px", [280, 290])
def test_patches_of_14_px_see_whole_fields(side_px):
    with torch.inference_mode():
        found = maps_of("vit_small_patch14_dinov2", 14, 8)(torch.zeros(1, 4, side_px, side_px))
    assert found.shape == (1, 8, math.ceil(side_px / 14), math.ceil(side_px / 14))


@pytest.mark.parametrize("name", ["test_resnet", "test_vit"])
def test_an_image_between_two_strides_keeps_its_places(name):
    maps, picture = maps_of(name, 16), torch.rand(1, 4, 96, 96)
    larger = torch.nn.functional.interpolate(picture, (112, 112), mode="bilinear", align_corners=False)
    between = torch.nn.functional.interpolate(picture, (100, 100), mode="bilinear", align_corners=False)
    with torch.inference_mode():
        assert maps(between).shape == maps(larger).shape


def test_stages_beyond_the_map_are_removed():
    sizes = [sum(p.numel() for p in maps_of("test_resnet", stride).parameters()) for stride in (8, 16, 32)]
    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize("name", ["test_resnet", "test_convnext", "test_efficientnet"])
def test_weights_are_those_of_the_whole_network(name, tmp_path):
    whole = create_model(name, in_chans=4, num_classes=7).eval()
    torch.save(whole.state_dict(), tmp_path / "whole.pth")
    pictures = torch.rand(1, 4, 96, 96)
    with torch.inference_mode():
        expected = whole.forward_intermediates(pictures, intermediates_only=True)[-2]
        assert torch.allclose(maps_of(name, 16, weights=str(tmp_path / "whole.pth"))(pictures), expected, atol=1e-5)


def test_the_pyramid_brings_coarse_maps_to_the_fine_one():
    decoder = PyramidDecoder([3, 5], width=4)
    fine, coarse = torch.zeros(1, 3, 8, 8), torch.zeros(1, 5, 4, 4)
    plain = decoder([fine, coarse])
    coarse[0, :, 0, 0] = 1
    changed = (decoder([fine, coarse]) != plain).any(dim=1)[0]
    assert changed[:2, :2].all()
    assert not changed[3:, :].any()


def test_a_stride_without_a_map_is_refused():
    with pytest.raises(InputError, match=r"test_vit.*has maps at strides 16 px"):
        maps_of("test_vit", 8)
