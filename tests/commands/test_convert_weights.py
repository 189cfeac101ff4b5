import os
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import nn

from hpa.cli import main
from hpa.segmenters.hpa_cell.network import empty_network, published_shapes
from tests.models.pickled_files import foreign_class, save_module
from tests.segmenters.hpa_cell.published_file import bright_places, published_module


class Hostile:
    def __reduce__(self) -> Any:
        return os.system, ("touch witness",)


def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], thing: Any, legacy: bool = False) -> str:
    """What the command says of a file; nothing must be written."""
    save_module(thing, tmp_path / "net.pth", legacy)
    assert main(["convert-weights", str(tmp_path / "net.pth"), str(tmp_path / "net.safetensors")]) == 1
    assert not (tmp_path / "net.safetensors").exists()
    return capsys.readouterr().err


@pytest.mark.parametrize(
    ("layer", "attribute", "value", "named"),
    [
        ("encoder_stages.2.1.c3x3_b.bn", "eps", 1e-5, "encoder_stages.2.1.c3x3_b.bn has eps=1e-05, not 0.001"),
        ("encoder_stages.2.1.c3x3_b.conv", "groups", 16, "c3x3_b.conv has groups=16, not 32"),
        ("encoder_stages.3.0.c3x3_b.conv", "stride", (1, 1), "c3x3_b.conv has stride=(1, 1), not (2, 2)"),
        ("decoder_stages.3.layer.0", "mode", "bilinear", "decoder_stages.3.layer.0 enlarges with mode=bilinear"),
        ("last_upsample.layer.0", "scale_factor", 4.0, "last_upsample.layer.0 enlarges with scale_factor=4.0"),
    ],
)
def test_layers_that_compute_something_else_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], layer: str, attribute: str, value: Any, named: str
) -> None:
    with foreign_class("DPNUnet") as kind:
        network = published_module(kind, {})
        setattr(network.get_submodule(layer), attribute, value)
        assert named in refused(tmp_path, capsys, network)


def test_another_activation_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with foreign_class("DPNUnet") as kind:
        network = published_module(kind, {})
        network.get_submodule("last_upsample.layer").append(nn.ELU())
        assert "last_upsample.layer.2 is a ELU" in refused(tmp_path, capsys, network)


def test_wrong_names_shapes_and_types_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with foreign_class("DPNUnet") as kind:
        network = published_module(kind, {"final.0.bias": torch.zeros(4)})
        network.add_module("more", nn.Linear(1, 1))
        del network.get_submodule("last_upsample")._modules["layer"]
        message = refused(tmp_path, capsys, network)
    assert "missing: last_upsample.layer.1.weight, last_upsample.layer.1.bias" in message
    assert "unknown: more.weight, more.bias" in message
    assert "of another shape: final.0.bias (4,) instead of (3,)" in message
    with foreign_class("DPNUnet") as kind:
        network = published_module(kind, {"final.0.bias": torch.zeros(3, dtype=torch.float16)})
        assert "came final.0.bias torch.float16" in refused(tmp_path, capsys, network)


@pytest.mark.parametrize("legacy", [False, True])
def test_hostile_files_run_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], legacy: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    with foreign_class("DPNUnet") as kind:
        network = published_module(kind, {})
        network.surprise = Hostile()
        message = refused(tmp_path, capsys, network, legacy)
    assert "system'" in message
    assert not Path("witness").exists()


def test_state_dicts_and_missing_files_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "is no layer" in refused(tmp_path, capsys, {"final.0.bias": torch.zeros(3)})
    assert main(["convert-weights", str(tmp_path / "none.pth"), str(tmp_path / "out.safetensors")]) == 1
    assert "no file" in capsys.readouterr().err
    assert main(["convert-weights", str(tmp_path / "net.pth"), str(tmp_path / "out.pth")]) == 1
    assert "out.safetensors" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(("legacy", "wrapped"), [(False, False), (True, False), (True, True)])
def test_a_published_file_is_converted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], legacy: bool, wrapped: bool
) -> None:
    given = bright_places()
    with foreign_class("DPNUnet") as kind:
        network = published_module(kind, given)
        save_module(nn.DataParallel(network) if wrapped else network, tmp_path / "net.pth", legacy)
    out = tmp_path / "new/net.safetensors"
    assert main(["convert-weights", str(tmp_path / "net.pth"), str(out)]) == 0
    assert "595 tensors" in capsys.readouterr().out
    with safe_open(out, framework="pt") as file:
        assert file.metadata()["source"] == "net.pth"
        assert sorted(file.keys()) == sorted(published_shapes(empty_network()))
        for name, value in given.items():
            assert torch.equal(file.get_tensor(name), value), name
    out.unlink()
