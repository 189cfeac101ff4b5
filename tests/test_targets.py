"""No config that comes from a file names code to run, or anything that is looked up when it is read."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hpa.config import build
from hpa.core.errors import InputError
from hpa.targets import SLOTS, require_safe

ROOT = Path(__file__).resolve().parents[1]
CALLABLES = (
    {"_target_": "os.system", "command": "touch {marker}"},
    {"_target_": "subprocess.Popen", "args": ["touch", "{marker}"]},
    {"_target_": "torch.load", "f": "{payload}", "weights_only": False},
    {"_target_": "pandas.read_pickle", "filepath_or_buffer": "{payload}"},
    {"_target_": "numpy.load", "file": "{payload}", "allow_pickle": True},
    {"_target_": "joblib.load", "filename": "{payload}"},
    {"_target_": "setuptools._distutils.spawn.spawn", "cmd": ["touch", "{marker}"]},
    {"_target_": "torch.hub.load", "repo_or_dir": "{folder}", "model": "any", "source": "local"},
    {"_target_": "pathlib.Path.write_text", "self": "{marker}", "data": "x"},
    {"_target_": "shutil.copyfile", "src": "{payload}", "dst": "{marker}"},
)
"""Functions that run programs, unpickle or write files."""
DISGUISES = (
    {"_target_": "hpa.config.importlib.import_module", "name": "hostile_module"},
    {"_target_": "hpa.models.saved_run.torch.load", "f": "{payload}", "weights_only": False},
    {"_target_": "hpa.models.saved_run.Path", "args": "{marker}"},
    {"_target_": "hpa.inference.exports.cell_parts.CellPart", "path": "{payload}"},
    {"_target_": "hpa.models.pickled_network.PickledNetwork", "path": "{payload}"},
    {"_target_": "hostile_module.Part"},
    {"_target_": "albumentations.Lambda", "image": "{payload}"},
    {"_target_": "albumentations.ReplayCompose", "transforms": []},
    {"_target_": "albumentations.load", "filepath_or_buffer": "{payload}"},
    {"_target_": "albumentations.FDA", "reference_images": ["{payload}"]},
    {"_target_": "albumentations.core.serialization.load", "filepath_or_buffer": "{payload}"},
    {"_target_": "torch.optim.lr_scheduler.LambdaLR", "lr_lambda": "{payload}"},
    {"_target_": "torch.optim.Optimizer", "params": []},
    {"_target_": "hydra.utils.instantiate", "config": {"_target_": "os.system", "command": "touch {marker}"}},
    {"_target_": "builtins.eval", "_args_": ["open('{marker}', 'w')"]},
    {"_target_": ["os.system"]},
    {"_target_": "hpa.models.heads.LinearHead", "_args_": ["{marker}"]},
    {"_target_": "hpa.models.heads.LinearHead", "_convert_": "object"},
    {"_target_": "hpa.models.heads.LinearHead", "_partial_": "${{oc.env:HPA_TEST_SECRET}}"},
)
"""The same by way of classes of trusted packages, and of what hydra makes of further keys."""
LOOKED_UP = (
    "${{oc.env:HPA_TEST_SECRET}}",
    "${{oc.create:{{_target_: os.system, command: 'touch {marker}'}}}}",
    "${{oc.decode:{{_target_: os.system, command: 'touch {marker}'}}}}",
    "\\${{oc.env:HPA_TEST_SECRET}}",
    "${{seed}}",
)
"""Interpolations, which hold no `_target_` before they are resolved."""


def filled(node, values: dict):
    if isinstance(node, dict):
        return {key: filled(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [filled(value, values) for value in node]
    return node.format(**values) if isinstance(node, str) else node


@pytest.fixture
def trap(tmp_path, monkeypatch) -> dict[str, str]:
    """Files and a module that show when something ran: each makes the marker."""
    marker = tmp_path / "marker"
    (tmp_path / "hostile_module.py").write_text(f"open({str(marker)!r}, 'w').close()\nclass Part: pass\n")
    (tmp_path / "hubconf.py").write_text(f"open({str(marker)!r}, 'w').close()\ndef any(): pass\n")
    payload = tmp_path / "payload"
    payload.write_bytes(b"cos\nsystem\n(S'touch " + str(marker).encode() + b"'\ntR.")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("HPA_TEST_SECRET", "secret-of-the-machine")
    return {"marker": str(marker), "payload": str(payload), "folder": str(tmp_path)}


def require_nothing_ran(trap: dict[str, str], message: str) -> None:
    assert not Path(trap["marker"]).exists()
    assert "hostile_module" not in sys.modules
    assert "secret-of-the-machine" not in message


@pytest.mark.parametrize("slot", [*SLOTS, "task", "seed", "unheard_of"])
@pytest.mark.parametrize("place", ["itself", "nested", "listed"])
def test_no_slot_takes_a_callable_or_an_interpolation(slot, place, trap):
    for hostile in (*CALLABLES, *DISGUISES, *LOOKED_UP):
        part = filled(hostile, trap)
        node = {"itself": part, "nested": {"part": {"deeper": part}}, "listed": {"parts": [[part]]}}[place]
        with pytest.raises(InputError, match=rf"FILE: {slot}") as caught:
            require_safe({slot: node}, "FILE")
        require_nothing_ran(trap, str(caught.value))


def test_nothing_is_built_of_a_callable_or_an_interpolation(trap):
    for hostile in (*CALLABLES, *DISGUISES, *LOOKED_UP):
        with pytest.raises(InputError) as caught:
            build(
                {"_target_": "hpa.losses.sum.SumLoss", "parts": {"one": filled(hostile, trap)}, "weights": {"one": 1}}
            )
        require_nothing_ran(trap, str(caught.value))


def test_a_part_of_another_slot_is_refused():
    for slot, target in {
        "model": "hpa.simulation.source.SyntheticHpa",
        "segmenter": "hpa.training.wandb_tracking.WandbTracking",
        "augment": "torch.optim.SGD",
        "optimizer": "albumentations.D4",
        "metric": "hpa.metrics",
        "loss": "hpa.losses",
    }.items():
        with pytest.raises(InputError, match=f"FILE: {slot}: _target_ {target}"):
            require_safe({slot: {"_target_": target}}, "FILE")


def test_what_a_module_only_imports_is_no_part():
    for target in ("hpa.losses.sum.nn.Module", "hpa.losses.sum.InputError", "hpa.losses.sum.nn"):
        with pytest.raises(InputError, match=r"_target_ hpa\.losses\.sum\.(nn|InputError)"):
            build({"_target_": target})


@pytest.mark.parametrize("value", [b"bytes", object(), {1.5: "key"}, {"a": {b"k": 1}}])
def test_only_plain_values_stand_in_a_config(value):
    with pytest.raises(InputError, match="FILE: model"):
        require_safe({"model": value}, "FILE")


def test_a_config_within_itself_is_refused():
    endless: dict = {}
    endless["model"] = endless
    with pytest.raises(InputError, match="nested deeper than"):
        require_safe(endless, "FILE")


def test_a_check_imports_no_framework():
    program = (
        "import sys, json; from hpa.targets import require_safe;"
        "from hpa.core.errors import InputError\n"
        "for node in json.loads(sys.argv[1]):\n"
        "    try: require_safe({'model': node}, 'FILE')\n"
        "    except InputError: continue\n"
        "    sys.exit('taken: ' + str(node))\n"
        "names = ('torch', 'hydra', 'pandas', 'joblib', 'setuptools')\n"
        "sys.exit(str([name for name in names if name in sys.modules] or 0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(CALLABLES)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stderr.strip() in ("", "0"), done.stderr
