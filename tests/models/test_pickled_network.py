import os
import pickle
import random
import struct
import subprocess
import sys
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from hpa.core.errors import InputError
from hpa.models.pickled_network import PickledNetwork
from tests.models.pickled_files import foreign_class, save_module

FORMATS = pytest.mark.parametrize("legacy", [False, True], ids=["zip", "legacy"])


def small_network(kind: type[nn.Module]) -> nn.Module:
    torch.manual_seed(0)
    network = kind()
    network.stages = nn.ModuleList(
        [nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, groups=1), nn.BatchNorm2d(4, eps=0.001))]
    )
    network.up = nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(4, 2, 1, bias=False))
    network.register_buffer("fleeting", torch.zeros(3), persistent=False)
    network.register_buffer("table", torch.arange(6.0, dtype=torch.float16).reshape(2, 3).T)  # not contiguous
    network.tied = network.up[1]
    return network


@FORMATS
@pytest.mark.parametrize("wrapped", [False, True])
def test_tensors_are_those_of_the_state_dict(tmp_path: Path, legacy: bool, wrapped: bool) -> None:
    with foreign_class("DPNUnet") as kind:
        network = small_network(kind).eval()
        expected = network.state_dict()
        save_module(nn.DataParallel(network) if wrapped else network, tmp_path / "net.pth", legacy)
    found = PickledNetwork(tmp_path / "net.pth")
    assert "pytorch_zoo" not in sys.modules
    assert not found.training
    assert found.shapes() == {name: tuple(value.shape) for name, value in expected.items()}
    assert found.dtypes() == {name: value.dtype for name, value in expected.items()}
    tensors = found.tensors()
    assert list(tensors) == list(expected)
    for name, value in expected.items():
        assert torch.equal(tensors[name], value), name
        assert tensors[name].is_contiguous()


@FORMATS
def test_layers_keep_their_kind_and_plain_attributes(tmp_path: Path, legacy: bool) -> None:
    with foreign_class("DPNUnet") as kind:
        save_module(small_network(kind), tmp_path / "net.pth", legacy)
    found = PickledNetwork(tmp_path / "net.pth")
    assert found.training
    assert found.layers[""].kind == "DPNUnet"
    assert found.layers["stages.0.0"].kind == "Conv2d"
    assert found.layers["stages.0.0"].attributes["stride"] == (2, 2)
    assert found.layers["stages.0.1"].attributes["eps"] == 0.001
    assert found.layers["up.0"].attributes["mode"] == "nearest"


def test_a_legacy_file_of_a_gpu_by_old_torch(tmp_path: Path) -> None:
    """Every module had a `_backend`, storages were named after their device, classes came with their source."""
    stream = bytearray()

    values = struct.pack("<q4f", 4, 1, 2, 3, 4)
    body = (
        b"\x80\x02" + b"cpytorch_zoo.unet\nDPNUnet\n" + b")\x81"
        b"}(X\x08\x00\x00\x00_backend" + b"ctorch.nn.backends.thnn\n_get_thnn_function_backend\n)R"
        b"X\x0b\x00\x00\x00_parameters" + b"ccollections\nOrderedDict\n)R("
        b"X\x06\x00\x00\x00weight" + b"ctorch._utils\n_rebuild_parameter\n("
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        b"(X\x07\x00\x00\x00storagectorch.cuda\nFloatStorage\n"
        b"X\x01\x00\x00\x007X\x06\x00\x00\x00cuda:0K\x04NtQ"
        b"K\x00K\x02K\x02\x86K\x02K\x01\x86\x89ccollections\nOrderedDict\n)RtR"
        b"\x88ccollections\nOrderedDict\n)RtRu"
        b"ub."
    )
    for part in (0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}):
        stream += pickle.dumps(part, 2)
    stream += body + pickle.dumps(["7"], 2) + values
    path = tmp_path / "old.pth"
    path.write_bytes(stream)
    tensors = PickledNetwork(path).tensors()
    assert torch.equal(tensors["weight"], torch.tensor([[1.0, 2.0], [3.0, 4.0]]))


class Hostile:
    """Pickles into a call of anything."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


def hostile_file(path: Path, thing: Any, legacy: bool) -> Path:
    if legacy:
        parts = (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, thing, [])
        path.write_bytes(b"".join(pickle.dumps(part, 2) for part in parts))
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("net/data.pkl", pickle.dumps(thing, 2))
    return path


@FORMATS
@pytest.mark.parametrize(
    ("function", "named"),
    [(os.system, "system"), (eval, "eval"), (exec, "exec"), (open, "open"), (getattr, "getattr"), (torch.load, "load")],
)
def test_calls_are_refused_by_name_and_never_made(tmp_path: Path, legacy: bool, function: Any, named: str) -> None:
    witness = tmp_path / "witness"
    path = hostile_file(tmp_path / "net.pth", Hostile(function, f"open({str(witness)!r}, 'w')"), legacy)
    with pytest.raises(InputError, match=rf"{named}'.*not part of a network.*\n?.*Nothing of it was run"):
        PickledNetwork(path)
    assert not witness.exists()


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_first_pickles_of_a_legacy_file_are_no_way_in(tmp_path: Path, place: int) -> None:
    parts: list[Any] = [0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, None, []]
    parts[place] = Hostile(os.system, "true")
    path = tmp_path / "net.pth"
    path.write_bytes(b"".join(pickle.dumps(part, 2) for part in parts))
    with pytest.raises(InputError, match="system"):
        PickledNetwork(path)


WATCHED_READING = """
import sys
from pathlib import Path
from hpa.models.pickled_network import PickledNetwork
path = Path(sys.argv[1])
PickledNetwork(path).tensors()  # what Python imports on first use is imported now
watched = ("exec", "compile", "import", "os.system", "subprocess.Popen", "open")
events = []
sys.addaudithook(lambda event, arguments: events.append((event, arguments[0])) if event in watched else None)
PickledNetwork(path).tensors()
seen = list(events)
print(sorted({f"{event} {Path(name).name}" for event, name in seen}))
"""


@pytest.mark.slow
@FORMATS
def test_nothing_is_imported_executed_or_opened_but_the_file(tmp_path: Path, legacy: bool) -> None:
    with foreign_class("DPNUnet") as kind:
        save_module(small_network(kind), tmp_path / "net.pth", legacy)
    # a process of its own: in this one, the checking of types compiles code
    command = [sys.executable, "-c", WATCHED_READING, str(tmp_path / "net.pth")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['open net.pth']"


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [(0, (5,), (1,)), (1, (4,), (1,)), (0, (2, 2), (3, 1)), (-1, (2,), (1,)), (0, (3,), (-1,)), (0, (2, 2), (1,))],
)
def test_windows_beyond_their_storage_are_refused(tmp_path: Path, offset: int, size: Any, stride: Any) -> None:
    with foreign_class("DPNUnet") as kind:
        network = kind()
        network.weight = nn.Parameter(torch.ones(4))
        save_module(network, tmp_path / "net.pth", legacy=False)
    with zipfile.ZipFile(tmp_path / "net.pth") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    (pickled,) = (name for name in members if name.endswith("data.pkl"))

    def coded(number: int) -> bytes:
        return pickle.dumps(number, 2)[2:-1]

    honest = coded(0) + coded(4) + b"\x85"
    at = members[pickled].index(honest)
    tuples = [b"(" + b"".join(map(coded, numbers)) + b"t" for numbers in (size, stride)]
    # honest: offset, (4,), memo, (1,), memo
    end = members[pickled].index(b"\x89", at)
    members[pickled] = members[pickled][:at] + coded(offset) + b"".join(tuples) + members[pickled][end:]
    with zipfile.ZipFile(tmp_path / "bad.pth", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(InputError, match="a tensor"):
        PickledNetwork(tmp_path / "bad.pth")


@FORMATS
def test_truncated_files_are_refused(tmp_path: Path, legacy: bool) -> None:
    with foreign_class("DPNUnet") as kind:
        save_module(small_network(kind), tmp_path / "net.pth", legacy)
    content = (tmp_path / "net.pth").read_bytes()
    for share in (0.02, 0.3, 0.7, 0.99):
        (tmp_path / "cut.pth").write_bytes(content[: int(share * len(content))])
        with pytest.raises(InputError, match=r"cut\.pth"):
            PickledNetwork(tmp_path / "cut.pth").tensors()


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_storages_of_another_size_than_promised_are_refused(tmp_path: Path, compression: int) -> None:
    with foreign_class("DPNUnet") as kind:
        save_module(small_network(kind), tmp_path / "net.pth", legacy=False)
    with zipfile.ZipFile(tmp_path / "net.pth") as old, zipfile.ZipFile(tmp_path / "bad.pth", "w", compression) as new:
        for name in old.namelist():
            content = old.read(name)
            extra = b"\0" * (1000 if compression == zipfile.ZIP_STORED and "/data/" in name else 0)
            new.writestr(name, content + extra)
    with pytest.raises(InputError, match=r"should hold [\d,]+ plain bytes"):
        PickledNetwork(tmp_path / "bad.pth").tensors()


@FORMATS
def test_what_is_no_network_is_refused(tmp_path: Path, legacy: bool) -> None:
    state = OrderedDict(weight=torch.ones(2))
    save_module(state, tmp_path / "state.pth", legacy)
    with pytest.raises(InputError, match="is no layer"):
        PickledNetwork(tmp_path / "state.pth")
    with pytest.raises(InputError, match="no file"):
        PickledNetwork(tmp_path / "none.pth")


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, bytes]:
    """A small file in both formats."""
    contents = {}
    for legacy in (False, True):
        path = tmp_path_factory.mktemp("intact") / "net.pth"
        with foreign_class("DPNUnet") as kind:
            network = kind()
            network.layer = nn.Linear(2, 3)
            save_module(network, path, legacy)
        contents[legacy] = path.read_bytes()
    return contents


@FORMATS
@pytest.mark.parametrize("stride", [17, pytest.param(1, marks=pytest.mark.thorough)])
def test_every_byte_that_is_changed_gives_tensors_or_an_error_that_names_the_file(
    tmp_path: Path, intact: dict[bool, bytes], legacy: bool, stride: int
) -> None:
    draw = random.Random(0)
    path = tmp_path / "net.pth"
    refusals = []
    places = range(0, len(intact[legacy]), stride)
    for place in places:
        content = bytearray(intact[legacy])
        content[place] ^= draw.randrange(1, 256)
        path.write_bytes(content)
        try:
            PickledNetwork(path).tensors()
        except InputError as error:
            refusals.append(str(error))
    assert len(refusals) > len(places) // 4
    assert all(str(path) in refusal for refusal in refusals)
