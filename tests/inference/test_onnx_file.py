import json
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from hpa.cells.crops import CropSpec
from hpa.core.errors import InputError
from hpa.inference.onnx_file import PACKAGES, OnnxNetwork, write_onnx
from hpa.interfaces import CellBatch, CellOutput
from hpa.models.crop import CropModel
from hpa.models.heads import DenseHead, LinearHead

pytestmark = pytest.mark.slow
WHY = "needs the extra onnx: pip install 'hpa-cells[onnx]'"
_, onnxruntime, _ = (pytest.importorskip(package, reason=WHY) for package in PACKAGES)
CLASS_NAMES = ("Nucleoplasm", "Golgi apparatus", "µ-tubules")
CROP = CropSpec(("red", "green"), side_px=32, masked=True, margin=0.05)


def network_of(model, crop=CROP):
    return OnnxNetwork(model.eval(), CLASS_NAMES, crop, {"backbone": "any"})


LINEAR = partial(LinearHead, drop_rate=0.5, prior=0.1)
DENSE = partial(DenseHead, hidden_count=7, drop_rate=0.5, prior=0.1)


def crop_model(head=LINEAR, side_px=None):
    torch.manual_seed(0)
    return CropModel(
        backbone="test_resnet.r160_in1k", head=head, channel_count=2, class_count=3, weights=None, pretrained=False,
        drop_path_rate=0.0, side_px=side_px, intensity_mean=0.05, intensity_std=0.13,
    )  # fmt: skip


def session_of(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


@pytest.mark.parametrize(
    "model",
    [crop_model(), crop_model(side_px=48), crop_model(DENSE)],
    ids=["linear", "resized", "dense"],
)
def test_the_file_says_what_the_network_says_for_any_number_of_cells(model, tmp_path):
    path = tmp_path / "model.onnx"
    assert write_onnx(path, network_of(model)) < 1e-4
    session = session_of(path)
    for count in (1, 2, 7):
        crops = torch.rand(count, 2, 32, 32)
        number = torch.zeros(count, dtype=torch.int64)
        with torch.inference_mode():
            expected = model(CellBatch(crops, number, number, torch.tensor([count]), torch.zeros(1, 0)))
        logits, features = session.run(["logits", "features"], {"crops": crops.numpy()})
        np.testing.assert_allclose(logits, expected.logits, atol=1e-4, rtol=1e-4)
        np.testing.assert_allclose(features, expected.features, atol=1e-4, rtol=1e-4)


class Shown(nn.Module):
    """A network of one layer; what `told` makes of its logits is not in the graph's own numbers."""

    def __init__(self, told):
        super().__init__()
        self.layer = nn.Linear(2, 3)
        self.told = told

    def forward(self, batch):
        features = batch.crops.mean(dim=(2, 3))
        return CellOutput(features, self.told(self.layer(features)))


def test_the_file_says_how_to_use_it(tmp_path):
    path = tmp_path / "model.onnx"
    write_onnx(path, network_of(Shown(lambda logits: logits)))
    found = session_of(path).get_modelmeta().custom_metadata_map
    assert json.loads(found["class_names"]) == list(CLASS_NAMES)
    assert json.loads(found["channels"]) == ["red", "green"]
    assert json.loads(found["crop"]) == {"side_px": 32, "masked": True, "margin": 0.05}
    assert found["backbone"] == "any"
    assert "255" in found["intensities"]


def test_a_file_that_gives_other_numbers_is_not_written(tmp_path):
    calls = []

    def drifting(logits):
        calls.append(None)
        return logits + 0.01 * len(calls)

    with pytest.raises(InputError, match="logits differ from the network's"):
        write_onnx(tmp_path / "model.onnx", network_of(Shown(drifting)))
    assert list(tmp_path.iterdir()) == []


def test_a_network_that_no_graph_can_hold_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match="cannot be written as ONNX"):
        write_onnx(tmp_path / "model.onnx", network_of(Shown(lambda logits: torch.from_numpy(logits.numpy()))))
    assert list(tmp_path.iterdir()) == []
