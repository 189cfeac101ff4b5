from __future__ import annotations

from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from hpa.config import build, plain
from hpa.core.errors import InputError
from hpa.interfaces import InstanceOutput, PixelBatch, Supervision
from hpa.supervision.detector import DetectorSupervision
from tests.roles import assert_fills

CONFIG = Path(__file__).parents[2] / "conf" / "supervision" / "detector.yaml"


class Detector(nn.Module):
    """Its loss is its brightness, once for boxes, twice for classes; in evaluation it finds nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(2.0))

    def forward(self, batch: PixelBatch) -> InstanceOutput:
        if not self.training:
            return InstanceOutput({}, [{}])
        loss = self.gain * batch.images.mean()
        return InstanceOutput({"boxes": loss, "classes": 2 * loss}, [])


def white_batch() -> PixelBatch:
    none = torch.zeros(0, dtype=torch.int64)
    images, maps = torch.ones(1, 1, 8, 8), torch.zeros(1, 8, 8, dtype=torch.int64)
    return PixelBatch(images, torch.zeros(1, 0, 8, 8), maps, (none,), torch.zeros(1, dtype=torch.int64))


def test_the_models_own_terms_are_weighed():
    model = Detector()
    terms = DetectorSupervision({"classes": 0.5, "boxes": 3.0}).step(model, white_batch(), 0.0).terms
    assert {name: value.item() for name, value in terms.items()} == {"boxes": 6.0, "classes": 2.0}
    sum(terms.values()).backward()
    assert model.gain.grad.item() == 4.0


def test_there_are_no_terms_in_evaluation():
    assert DetectorSupervision({"boxes": 1.0}).step(Detector().eval(), white_batch(), 0.0).terms == {}


def test_terms_without_a_weight_are_refused():
    with pytest.raises(InputError, match=r"has boxes, masks; the model's losses are boxes, classes"):
        DetectorSupervision({"boxes": 1.0, "masks": 1.0}).step(Detector(), white_batch(), 0.0)


def test_the_config_weighs_every_term_of_mask_rcnn():
    supervision = build(plain(OmegaConf.load(CONFIG)))
    assert_fills(supervision, Supervision)
    assert supervision.unit == "image"
    assert set(supervision.weights) == {"objectness", "proposals", "classes", "boxes", "masks"}
