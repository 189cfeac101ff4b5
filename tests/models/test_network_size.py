"""A network that is too large is refused before it takes memory."""

import resource
from pathlib import Path

import pytest
import torch

from hpa.config import build
from hpa.core.errors import InputError
from hpa.models.network_size import bounded_network, max_parameters
from hpa.suggestions import compose_slot

ROOT = Path(__file__).resolve().parents[2]

TINY = {
    "_target_": "hpa.models.crop.CropModel",
    "side_px": None,
    "backbone": "test_resnet",
    "weights": None,
    "pretrained": False,
    "drop_path_rate": 0.0,
    "intensity_mean": 0.05,
    "intensity_std": 0.13,
    "head": {"_target_": "hpa.models.heads.LinearHead", "_partial_": True, "drop_rate": 0.0, "prior": 0.1},
}


def build_network(config: dict, channels: int, classes: int):
    with bounded_network(config):
        return build(config, channel_count=channels, class_count=classes)


def test_the_limit_stands_between_what_is_and_what_is_not_built(monkeypatch):
    torch.manual_seed(0)
    built = build_network(TINY, 4, 19)
    count = sum(value.numel() for value in [*built.parameters(), *built.buffers()])
    monkeypatch.setenv("HPA_MAX_PARAMETERS", str(2 * count))
    torch.manual_seed(0)
    again = build_network(TINY, 4, 19)
    assert all(torch.equal(one, other) for one, other in zip(built.parameters(), again.parameters(), strict=True))
    monkeypatch.setenv("HPA_MAX_PARAMETERS", str(count // 2))
    with pytest.raises(InputError, match=r"model=: the network would have [\d,]+ parameters or more.*test_resnet"):
        build_network(TINY, 4, 19)


def test_a_huge_network_takes_no_memory():
    config = compose_slot(ROOT, "train", "model", ["task=pixels", "model.decoder.decoder_channels=[1000000,9,9,9,9]"])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=r"model=: the network would have .*HPA_MAX_PARAMETERS=N"):
        build_network(config, 3, 1)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000


@pytest.mark.parametrize("text", ["", "0", "-1", "1e9", "9" * 30])
def test_a_limit_that_is_none_is_refused(text, monkeypatch):
    monkeypatch.setenv("HPA_MAX_PARAMETERS", text)
    with pytest.raises(InputError, match=r"HPA_MAX_PARAMETERS=.*a number of parameters is expected"):
        max_parameters()
