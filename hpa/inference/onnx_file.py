"""A network of cells as an ONNX file (onnx.ai, 2019) with all that is needed to use it, compared before it is kept.

Input `crops` (cell, channel, side, side) float32 in [0, 1]; outputs `logits` (cell, class) and `features` (cell,
feature). The scaling of intensities is part of the graph. The file's metadata describes the numbers.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from hpa.cells.crops import CropSpec
from hpa.core.errors import InputError
from hpa.core.whole_file import whole_file
from hpa.interfaces import CellBatch, CellOutput

PACKAGES = ("onnx", "onnxruntime", "onnxscript")
TOLERANCE = 1e-4
"""Largest difference between file and network, of a logit or feature, beside the same share of its size."""
_CHECKED_CELLS = (1, 5)
_OUTPUTS = ("logits", "features")


@dataclass(frozen=True)
class OnnxNetwork:
    """What becomes a file.

    Attributes:
        model: Takes a `CellBatch`, in evaluation mode.
        class_names: Class of each logit.
        crop: How cells are cropped, and which channels they have.
        origin: More for the metadata, e.g. the checkpoint.
    """

    model: nn.Module
    class_names: tuple[str, ...]
    crop: CropSpec
    origin: dict[str, str]

    def metadata(self) -> dict[str, str]:
        """Return what stands in the file beside the graph; lists and the crop of cells as JSON."""
        crop = {"side_px": self.crop.side_px, "masked": self.crop.masked, "margin": self.crop.margin}
        return {
            "class_names": json.dumps(self.class_names, ensure_ascii=False),
            "channels": json.dumps(self.crop.channels),
            "crop": json.dumps(crop),
            "intensities": "stored value / largest of its bit depth (255 or 65535), so 0 to 1; the graph scales on",
            "outputs": "logits: sigmoid gives the probability of each class; features: penultimate layer",
            **self.origin,
        }

    def example(self, cell_count: int) -> Float[Tensor, "cell channel side side"]:
        """Return crops of smooth random light, the same in every call."""
        generator = torch.Generator().manual_seed(cell_count)
        coarse = torch.rand(cell_count, len(self.crop.channels), 8, 8, generator=generator)
        return nn.functional.interpolate(coarse, (self.crop.side_px, self.crop.side_px), mode="bilinear")


def write_onnx(path: Path, network: OnnxNetwork) -> float:
    """Write a network as one file, and return by how much it differs from the network.

    Raises:
        InputError: If a package is missing, torch cannot export this network, or the file gives other numbers; nothing
            is written then.
        DiskFullError: If the disk is full.
    """
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise InputError(f"ONNX needs {', '.join(missing)}; install with: pip install 'hpa-cells[onnx]'.")
    content = _exported(network)
    difference = _difference(content, network)
    with whole_file(path, bytes_needed=len(content)) as file:
        file.write(content)
    return difference


class _Plain(nn.Module):
    """The network from tensor to tensors, as a graph wants it."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, crops: Tensor) -> tuple[Tensor, Tensor]:
        """Return logits and features."""
        number = torch.zeros(crops.shape[0], dtype=torch.int64)
        batch = CellBatch(crops, number, number, number[:1], torch.zeros(1, 0))
        output: CellOutput = self.model(batch)
        return output.logits, output.features


def _exported(network: OnnxNetwork) -> bytes:
    """Return the file's content."""
    # here: the exporter takes seconds to import
    import onnx

    plain = _Plain(network.model).cpu().eval()
    cells = {0: torch.export.Dim("cell")}
    try:
        with _quiet():
            program = torch.onnx.export(
                plain,
                (network.example(2),),
                dynamo=True,
                input_names=["crops"],
                output_names=list(_OUTPUTS),
                dynamic_shapes=(cells,),
                verbose=False,
            )
        proto: Any = program.model_proto  # type: ignore[union-attr]
        onnx.helper.set_model_props(proto, network.metadata())
        return proto.SerializeToString()
    except Exception as error:  # exporter and protobuf fail in any way where an operation has no counterpart
        raise InputError(f"this network cannot be written as ONNX ({str(error).splitlines()[0]}).") from error


def _difference(content: bytes, network: OnnxNetwork) -> float:
    """Return the largest difference between file and network on batches of several sizes.

    Raises:
        InputError: If it is larger than the tolerance.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    largest = 0.0
    for cell_count in _CHECKED_CELLS:
        crops = network.example(cell_count)
        found = session.run(list(_OUTPUTS), {"crops": crops.numpy()})
        with torch.inference_mode():
            expected = _Plain(network.model)(crops)
        for name, of_network, of_file in zip(_OUTPUTS, expected, found, strict=True):
            largest = max(largest, float(np.abs(of_network.numpy() - of_file).max()))
            if not np.allclose(of_file, of_network.numpy(), atol=TOLERANCE, rtol=TOLERANCE):
                raise InputError(
                    f"the ONNX file's {name} differ from the network's by up to {largest:.2g}, more than {TOLERANCE}; "
                    "it is not written. Try another version of torch or onnxscript."
                )
    return largest


@contextlib.contextmanager
def _quiet() -> Any:
    """Silence the exporter's log of its steps, and the deprecations of its own packages."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
