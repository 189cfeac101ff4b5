import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter
from torch import nn

from hpa.core.errors import InputError
from hpa.inference.tissue.predictor import PixelPredictor
from hpa.interfaces import InstanceOutput, Instances, PixelOutput
from hpa.models.target.foreground import ForegroundTarget


class Threshold:
    """One plane; bright is one instance."""

    plane_count = 1

    def read(self, logits):
        label_map = (logits[0] > 0).astype(np.int32)
        return Instances(label_map, np.zeros(int(label_map.max(initial=0)), np.int64))


class Dense(nn.Module):
    """A mean of 3 x 3 pixels: what a tile's border gets wrong and blending must mend."""

    def __init__(self):
        super().__init__()
        self.target = Threshold()
        self.mean = nn.Conv2d(1, 1, 3, padding=1, bias=False)
        nn.init.constant_(self.mean.weight, 1 / 9)

    def planes(self, images):
        return self.mean(images) - 0.5

    def forward(self, batch):
        return PixelOutput(self.planes(batch.images))

    def instances(self, output):
        return [self.target.read(logits) for logits in output.logits.numpy()]


class Detector(nn.Module):
    """Finds one instance in the corner of every image, whatever its size, and paints its first only."""

    def __init__(self):
        super().__init__()
        self.target = Threshold()

    def forward(self, batch):
        height, width = batch.images.shape[-2:]
        found = {
            "boxes": torch.tensor([[0.0, 0.0, 2.0, 2.0]]),
            "classes": torch.tensor([3]),
            "scores": torch.tensor([0.9]),
            "masks": torch.ones(1, 28, 28),
            "size_px": torch.tensor([height, width]),
        }
        return InstanceOutput({}, [found] * len(batch))

    def instances(self, output):
        label_maps = [np.zeros(one["size_px"].tolist(), np.int32) for one in output.instances]
        for label_map in label_maps:
            label_map[:2, :2] = 1
        return [Instances(label_map, np.array([3])) for label_map in label_maps]


def predictor(model, side_px=32, precision="fp32") -> PixelPredictor:
    return PixelPredictor(model, torch.device("cpu"), precision, side_px, 8, 3)


def test_tiles_put_together_are_the_whole():
    planes = np.random.default_rng(0).random((1, 75, 101)).astype(np.float32)
    whole = predictor(Dense(), side_px=500).logits(planes)
    np.testing.assert_allclose(predictor(Dense()).logits(planes)[:, 1:-1, 1:-1], whole[:, 1:-1, 1:-1], atol=0.02)
    assert predictor(Dense(), 500).predict(planes).label_map.shape == (75, 101)
    thrifty = PixelPredictor(Dense(), torch.device("cpu"), "fp32", 96, 8, 1, is_thrifty=True)  # 2 x 2 tiles of 64
    np.testing.assert_allclose(thrifty.logits(planes)[:, 1:-1, 1:-1], whole[:, 1:-1, 1:-1], atol=0.02)


def test_not_a_number_counts_as_nothing():
    planes = np.ones((1, 16, 16), np.float32)
    planes[0, :8] = np.nan
    found = predictor(Dense()).predict(planes)
    assert not found.label_map[:6].any()
    assert found.label_map[10:15, 2:14].all()


@pytest.mark.parametrize("side_px", [32, 100])
def test_detectors_see_small_images_at_once_and_large_ones_in_tiles(side_px):
    found = predictor(Detector(), side_px).predict(np.zeros((1, 70, 40), np.float32))
    assert found.label_map.shape == (70, 40)
    assert found.classes.tolist() == [3]


def test_half_precision_says_about_the_same():
    planes = np.random.default_rng(1).random((1, 40, 40)).astype(np.float32)
    full, half = (predictor(Dense(), 64, precision).logits(planes) for precision in ("fp32", "bf16"))
    np.testing.assert_allclose(full, half, atol=0.02)


def test_only_one_mask_gives_the_probability_that_a_pixel_is_inside():
    with pytest.raises(InputError, match="target=foreground"):
        predictor(Dense()).probabilities(np.zeros((1, 16, 16), np.float32))
    model = Dense()
    model.target = ForegroundTarget(0.5, 1)
    planes = np.random.default_rng(0).random((1, 40, 50)).astype(np.float32)
    planes[0, 3, 3] = np.nan
    found = predictor(model, 64).probabilities(planes)
    expected = 1 / (1 + np.exp(0.5 - uniform_filter(np.nan_to_num(planes[0]), 3, mode="constant")))
    np.testing.assert_allclose(found, expected, atol=1e-5)
