"""Segmenting an image by a U-Net, against its network alone: reading instances and cutting tiles should cost little.

The network is untrained; what is read in place of its output are the planes of a field of cells.
"""

from __future__ import annotations

import torch
from torch import Tensor

from benchmarks.cells import field_of_cells
from benchmarks.row import Row, paired_cpu_ms
from hpa.core.flows import NETWORK_SCALE
from hpa.core.label_map import relabel
from hpa.device import autocast, choose_precision
from hpa.inference.tissue.predictor import PixelPredictor
from hpa.interfaces import Instances
from hpa.models.target.flows import FlowTarget
from hpa.models.unet import UnetModel

CASES = ((1024, 1024, "fp32"), (1024, 1024, "auto"), (1040, 1388, "fp32"))
"""Height, width and precision."""
CELLS = 100
TILE_PX, OVERLAP_PX = 1024, 64
INSIDE_LOGIT = 8.0
ROUNDS = 3


class _KnownOutput(UnetModel):
    """A U-Net that computes its output and returns another."""

    known: Tensor

    def planes(self, images: Tensor) -> Tensor:
        """Return the known planes, cut to the size of the images."""
        output = super().planes(images)
        return self.known[:, :, : output.shape[2], : output.shape[3]].expand_as(output)


def measure() -> list[Row]:
    """Compare on one thread."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    target = FlowTarget(min_probability=0.5, max_error=4.0, min_area_px=15)
    decoder = {"decoder_channels": [256, 128, 64, 32, 16]}
    model = _KnownOutput("unet", "resnet18", decoder, target, None, channel_count=1, class_count=1)
    return [_compare(model, target, *case) for case in CASES]


def _compare(model: _KnownOutput, target: FlowTarget, height: int, width: int, precision: str) -> Row:
    """Return milliseconds an image; the ratio is the network's share."""
    device = torch.device("cpu")
    chosen = choose_precision(precision, device)
    predictor = PixelPredictor(model, device, chosen, TILE_PX, OVERLAP_PX, 1, is_thrifty=True)
    label_map = relabel(field_of_cells(max(height, width), CELLS, seed=0)[:height, :width])
    planes = torch.from_numpy(target.planes(Instances(label_map, label_map[:0, 0])))[None]
    planes[:, :2] *= NETWORK_SCALE
    planes[:, 2] = (2 * planes[:, 2] - 1) * INSIDE_LOGIT
    model.known = planes
    image = torch.rand(1, height, width, generator=torch.Generator().manual_seed(0)).numpy()

    def network() -> None:
        with torch.inference_mode(), autocast(device, chosen):
            UnetModel.planes(model, torch.from_numpy(image[None]))

    ours_ms, peer_ms = paired_cpu_ms(lambda: predictor.predict(image), network, ROUNDS)
    name = f"U-Net segmentation of {height} x {width} px in {chosen}, against its network"
    return Row(name, ours_ms, peer_ms, peer_ms / ours_ms, "ms")
