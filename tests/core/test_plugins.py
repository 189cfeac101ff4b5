import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from hpa.config import build
from hpa.core import plugins
from hpa.core.errors import InputError
from hpa.core.plugins import name_plugins, plugin_configs, plugin_folder, plugins_of
from hpa.overrides import compose_slot
from hpa.targets import require_safe

ROOT = Path(__file__).resolve().parents[2]
SOURCE = """
import pathlib
pathlib.Path(__file__).with_name("imported").touch()

class Doubled:
    def __init__(self, factor: float) -> None:
        self.factor = factor
"""
YAML = "# Doubles.\n_target_: laboratory.parts.Doubled\nfactor: 2.0\n"
SAVED = {"plugins": ["laboratory"], "loss": {"_target_": "laboratory.parts.Doubled", "factor": 2.0}}


@pytest.fixture
def laboratory(tmp_path, monkeypatch) -> Path:
    """A plugin in the present folder, not installed and not named."""
    package = tmp_path / "laboratory"
    (package / "conf" / "loss").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "parts.py").write_text(SOURCE)
    (package / "conf" / "loss" / "doubled.yaml").write_text(YAML)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(plugins, "_named", {})
    monkeypatch.setenv(plugins.SETTING, "")
    yield package
    for name in [name for name in sys.modules if name.partition(".")[0] == "laboratory"]:
        del sys.modules[name]


@pytest.fixture
def fresh_classes():
    from hpa import targets

    targets._classes_of.cache_clear()
    yield
    targets._classes_of.cache_clear()


@pytest.mark.usefixtures("fresh_classes")
def test_a_named_plugin_adds_choices_and_classes(laboratory):
    part = compose_slot(ROOT, "train", "loss", ["plugins=[laboratory]", "loss=doubled", "loss.factor=3"])
    assert build(part).factor == 3
    assert plugin_configs() == [laboratory / "conf"]
    assert plugins_of({"a": [part]}) == ["laboratory"]


def test_nothing_of_a_plugin_that_is_not_named_is_imported(laboratory):
    with pytest.raises(InputError, match=r"uses the plugin laboratory.*plugins=\[laboratory\]"):
        require_safe(SAVED, "x.ckpt")
    with pytest.raises(InputError, match="nothing was imported"):
        require_safe({"loss": SAVED["loss"]}, "x.ckpt")
    name_plugins(["laboratory"])
    require_safe(SAVED, "x.ckpt")
    assert not (laboratory / "imported").exists()  # being named and checked runs none of its modules either


@pytest.mark.usefixtures("laboratory")
@pytest.mark.parametrize("target", ["laboratory.parts.Other", "laboratory.parts.pathlib.Path", "laboratory.conf.loss"])
def test_only_classes_of_its_own_are_taken(target):
    name_plugins(["laboratory"])
    with pytest.raises(InputError, match="nothing was imported"):
        require_safe({"loss": {"_target_": target}}, "x.ckpt")


@pytest.mark.usefixtures("laboratory")
@pytest.mark.parametrize(
    ("name", "told"),
    [("nothing_here", "no such package"), ("json", "no plugin"), ("hpa", "name of a package"), ("../x", "name of a")],
)
def test_what_is_no_plugin_is_refused(name, told):
    with pytest.raises(InputError, match=told):
        name_plugins([name])
    assert plugin_folder(name) is None


@pytest.mark.usefixtures("laboratory")
def test_processes_that_are_started_know_the_same_plugins():
    name_plugins(["laboratory"])
    program = "from hpa.core.plugins import plugin_folder; raise SystemExit(plugin_folder('laboratory') is None)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_an_installed_package_may_declare_itself(laboratory, monkeypatch):
    point = EntryPoint("laboratory", "laboratory", plugins.ENTRY_POINT)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [point] if group == plugins.ENTRY_POINT else [])
    plugins._declared.cache_clear()
    try:
        assert plugin_folder("laboratory") == laboratory
        require_safe(SAVED, "x.ckpt")
    finally:
        plugins._declared.cache_clear()


def test_the_command_line_names_what_is_missing(laboratory):
    """In a process of its own: what is named there is named for the whole process."""
    words = [sys.executable, str(ROOT / "train.py"), "plugins=[laboratory]", "loss=doublet"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=laboratory.parent)
    assert done.returncode == 2
    assert "did you mean loss=doubled" in done.stderr
