"""Networks of tissue side by side: parameters, and processor time of one thread a megapixel, predicted or trained."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from hpa.config import build
from hpa.interfaces import PixelBatch, PixelModel
from hpa.losses.dice import DiceLoss
from hpa.suggestions import compose_slot
from hpa.supervision.dense import DenseSupervision

ROOT = Path(__file__).resolve().parents[1]
NETWORKS: tuple[tuple[str, str], ...] = (
    ("unet", "resnet34"),
    ("unet", "efficientnet-b5"),
    ("unetplusplus", "resnet34"),
    ("deeplabv3plus", "resnet34"),
    ("upernet", "tu-convnext_tiny"),
    ("segformer", "mit_b0"),
    ("segformer", "mit_b2"),
    ("segformer", "mit_b4"),
    ("segformer", "mit_b5"),
)
WORDS_OF = {
    "unetplusplus": ["model=unet", "model.architecture=unetplusplus"],
    "deeplabv3plus": ["model=unet", "model.architecture=deeplabv3plus", "model.decoder.decoder_channels=256"],
    "upernet": ["model=unet", "model.architecture=upernet", "model.decoder.decoder_channels=256"],
}
"""Architectures without a file of their own in conf/model."""
SIDE_PX = 256
CHANNELS = 3


@dataclass(frozen=True)
class Cost:
    """What a network costs.

    Attributes:
        million_parameters: Of network and target together, in training and in prediction alike.
        predict_s: Processor seconds a megapixel, prediction in single precision.
        train_s: Processor seconds a megapixel, forward and backward.
    """

    million_parameters: float
    predict_s: float
    train_s: float


def cost_of(model: str, encoder: str) -> Cost:
    """Return what one network costs, on one tile of noise."""
    words = [*WORDS_OF.get(model, [f"model={model}"]), "model/target=foreground", f"model.encoder={encoder}"]
    config = compose_slot(ROOT, "train", "model", words)
    if config is None:
        raise ValueError(f"model={model} is empty")
    torch.manual_seed(0)
    network = build(config, channel_count=CHANNELS, class_count=1)
    parameters = sum(parameter.numel() for parameter in network.parameters()) / 1e6
    batch = _noise()
    megapixels = SIDE_PX**2 / 1e6
    network.eval()
    with torch.inference_mode():
        network.planes(batch.images)
        started = time.process_time()
        network.planes(batch.images)
        predict_s = (time.process_time() - started) / megapixels
    started = time.process_time()
    train_one_step(network, batch)
    return Cost(parameters, predict_s, (time.process_time() - started) / megapixels)


def train_one_step(network: PixelModel, batch: PixelBatch) -> float:
    """Return the loss of a batch, its gradients computed."""
    network.train()  # type: ignore[attr-defined]  # every PixelModel is an nn.Module too
    supervision = DenseSupervision(DiceLoss(1.0))
    loss = supervision.step(network, batch, 0.0).terms["pixels"]  # type: ignore[arg-type]  # as above
    loss.backward()  # type: ignore[no-untyped-call]  # so torch has it
    return loss.item()


def _noise() -> PixelBatch:
    draw = torch.Generator().manual_seed(0)
    # two images: batch normalisation of a pooled map needs more than one value
    half = SIDE_PX * SIDE_PX // 2
    sides = (SIDE_PX, half // SIDE_PX)
    return PixelBatch(
        images=torch.rand(2, CHANNELS, *sides, generator=draw),
        targets=torch.rand(2, 1, *sides, generator=draw).round(),
        label_maps=torch.zeros(2, *sides, dtype=torch.int32),
        instance_classes=(torch.zeros(0, dtype=torch.int64),) * 2,
        image_row=torch.arange(2),
    )


def main(words: Sequence[str] | None = None) -> None:
    """Print one line a network, as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "networks", nargs="*", metavar="MODEL/ENCODER", help="e.g. unet/resnet34; all where none is named"
    )
    named = [tuple(word.split("/", 1)) for word in parser.parse_args(words).networks]
    torch.set_num_threads(1)
    print("| `model=` | `model.encoder=` | M parameters | predict, s/Mpx | train, s/Mpx |\n|---|---|---|---|---|")
    for model, encoder in named or NETWORKS:
        cost = cost_of(model, encoder)
        print(
            f"| `{model}` | `{encoder}` | {cost.million_parameters:.1f} | {cost.predict_s:.1f} | {cost.train_s:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
