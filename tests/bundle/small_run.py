"""A run folder with a network of 0.4 M untrained weights, as train.py would leave it."""

from pathlib import Path

import torch
from omegaconf import OmegaConf

from hpa.config import build
from hpa.core.channels import CHANNELS
from hpa.core.classes import LOCATION_NAMES
from hpa.core.ownership import seal_of
from hpa.overrides import compose_config

ROOT = Path(__file__).resolve().parents[2]


def write_small_run(folder: Path, *overrides: str, class_names: tuple[str, ...] = LOCATION_NAMES) -> Path:
    """Write the checkpoint and return the folder."""
    composed = compose_config(ROOT, "train", ["model=tiny", "crop.side_px=32", *overrides])
    config = OmegaConf.to_container(composed, resolve=True)
    torch.manual_seed(0)
    model = build(config["model"], channel_count=len(CHANNELS), class_count=len(class_names))
    weights = {f"model.{key}": value for key, value in model.state_dict().items()}
    facts = {"config": config, "channels": list(CHANNELS), "class_names": list(class_names), "seal": seal_of(config)}
    (folder / "checkpoints").mkdir(parents=True)
    content = {"hpa": facts, "state_dict": weights, "epoch": 0, "optimizer_states": [torch.zeros(1_000_000)]}
    torch.save(content, folder / "checkpoints" / "best.ckpt")
    return folder
