"""Damaged files of weights end in words, whatever was damaged: bytes changed, inserted, removed or cut off."""

from __future__ import annotations

import io
import random
from argparse import Namespace

import pytest
import torch
from safetensors.torch import save
from torch import nn

from hpa.core.errors import InputError
from hpa.models.pickled_network import PickledNetwork
from hpa.models.saved_run import read_saved_run
from hpa.models.weights import read_weights

MUTATIONS = 60
"""Of each kind of file; a few seconds in all."""


def saved(content: object, zipped: bool = True) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def files() -> dict[str, bytes]:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    state = network.state_dict()
    facts = {"config": {"seed": 0}, "channels": ["red"], "class_names": ["cell"]}
    run = {"hpa": facts, "epoch": 1, "state_dict": {f"model.{name}": value for name, value in state.items()}}
    return {
        "state.pth": saved(state),
        "legacy.pth": saved(state, zipped=False),
        "module.pth": saved(network),
        "legacy_module.pth": saved(network, zipped=False),
        "with_args.pth": saved({"state_dict": state, "args": Namespace(a=1)}),
        "run.ckpt": saved(run),
        "state.safetensors": save(state),
    }


def mutated(content: bytes, draw: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(draw.choice([1, 1, 2, 4, 16])):
        place = draw.randrange(len(changed))
        match draw.randrange(5):
            case 0:
                changed[place] = draw.randrange(256)
            case 1:
                del changed[place : place + draw.choice([1, 4, 64])]
            case 2:
                changed[place:place] = draw.randbytes(draw.choice([1, 4, 16]))
            case 3:
                changed = changed[: max(1, place)]
            case _:
                changed[place : place + 4] = draw.choice([b"\xff" * 4, b"\x00" * 4, b"\x7f\xff\xff\xff"])
        changed = changed or bytearray(b"x")
    return bytes(changed)


@pytest.mark.filterwarnings("ignore")  # of torch, on what it finds in damaged files
@pytest.mark.parametrize("name", files())
@pytest.mark.parametrize("read", [read_weights, read_saved_run, PickledNetwork], ids=["weights", "run", "network"])
def test_a_damaged_file_is_read_or_refused_in_words(tmp_path, name, read):
    draw, content, path = random.Random(f"{name} {read.__name__}"), files()[name], tmp_path / name
    refusals = []
    for _ in range(MUTATIONS):
        path.write_bytes(mutated(content, draw))
        try:
            read(path)
        except InputError as error:
            refusals.append(str(error))
    assert len(refusals) > MUTATIONS / 3
    assert all(str(path) in refusal for refusal in refusals)


@pytest.mark.parametrize(
    "damage",
    [
        {"epoch": "one"},
        {"epoch": None},
        {"state_dict": [1]},
        {"state_dict": {"model.a": "text"}},
        {"hpa": {}},
        {"hpa": {"config": [], "channels": ["red"], "class_names": ["cell"]}},
        {"hpa": {"config": {}, "channels": [1], "class_names": ["cell"]}},
    ],
)
def test_a_checkpoint_with_fields_of_another_type_is_refused(tmp_path, damage):
    facts = {"config": {}, "channels": ["red"], "class_names": ["cell"]}
    torch.save({"hpa": facts, "epoch": 0, "state_dict": {"model.a": torch.zeros(1)}} | damage, tmp_path / "run.ckpt")
    with pytest.raises(InputError, match=r"the file was changed|is expected|config"):
        read_saved_run(tmp_path / "run.ckpt")
