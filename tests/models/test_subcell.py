from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from hpa.core.errors import InputError
from tests.models.published_subcell import READS, SIDE_PX, features, published, small_subcell

SHOWN = ["red", "green", "blue", "yellow"]


@pytest.fixture
def weights(tmp_path) -> str:
    torch.save(published(), tmp_path / "encoder.pth")
    return str(tmp_path / "encoder.pth")


def test_features_are_those_of_the_published_network(weights):
    extractor = small_subcell(weights=weights, channels=SHOWN).eval()
    crops = torch.rand(3, 4, SIDE_PX, SIDE_PX)
    with torch.inference_mode():
        found = extractor(crops)
    expected = torch.stack([features(published(), crop[[SHOWN.index(name) for name in READS]]) for crop in crops])
    assert found.shape == (3, extractor.feature_count)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def test_the_order_and_the_light_of_channels_do_not_matter(weights):
    crops = torch.rand(2, 4, SIDE_PX, SIDE_PX)
    reordered = small_subcell(weights=weights, channels=SHOWN[::-1]).eval()
    straight = small_subcell(weights=weights, channels=SHOWN).eval()
    with torch.inference_mode():
        torch.testing.assert_close(reordered(crops.flip(1)), straight(crops))
        torch.testing.assert_close(straight(0.3 * crops + 0.1), straight(crops), atol=1e-4, rtol=1e-3)


def test_crops_of_other_sides_and_black_ones_have_features(weights):
    extractor = small_subcell(weights=weights, channels=SHOWN).eval()
    for crops in (torch.rand(2, 4, 50, 50), torch.zeros(1, 4, SIDE_PX, SIDE_PX)):
        assert extractor(crops).isfinite().all()


def test_weights_of_fewer_channels_are_for_fewer(tmp_path):
    save_file(published(channels=3), tmp_path / "encoder.safetensors")
    file = str(tmp_path / "encoder.safetensors")
    assert small_subcell(weights=file, channels=SHOWN, input_channels=["red", "blue", "green"]).feature_count == 24
    with pytest.raises(InputError, match=r"patch_embed\.proj\.weight \(12, 3, 8, 8\) instead of \(12, 4, 8, 8\)"):
        small_subcell(weights=file, channels=SHOWN)


def test_a_missing_channel_is_refused():
    with pytest.raises(InputError, match="lacks yellow"):
        small_subcell(weights=None, channels=SHOWN[:3])


def test_weights_of_something_else_are_refused(tmp_path):
    torch.save({"encoder.fc.weight": torch.ones(2)}, tmp_path / "other.pth")
    with pytest.raises(InputError, match=r"missing: .* and \d+ more; unknown: encoder\.fc\.weight"):
        small_subcell(weights=str(tmp_path / "other.pth"), channels=SHOWN)
