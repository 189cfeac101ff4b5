import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace

import pytest

from hpa.app.help_page import help_page
from hpa.cli import main
from hpa.config import build
from hpa.core import plugins
from hpa.core.errors import InputError
from hpa.core.plugins import name_plugins, plugin_configs, plugin_folder, plugins_of
from hpa.results import run_facts
from hpa.results.run_facts import go_on, predict
from hpa.suggestions import compose_slot
from hpa.targets import require_safe

ROOT = Path(__file__).resolve().parents[2]
SOURCE = """
import pathlib
pathlib.Path(__file__).with_name("imported").touch()

class Doubled:
    def __init__(self, factor: float) -> None:
        self.factor = factor
"""
YAML = "# Doubles.\n_target_: mylab.parts.Doubled\nfactor: 2.0\n"
SAVED = {"plugins": ["mylab"], "loss": {"_target_": "mylab.parts.Doubled", "factor": 2.0}}


@pytest.fixture
def mylab(tmp_path, monkeypatch) -> Path:
    """A plugin in the present folder, not installed and not named."""
    package = tmp_path / "mylab"
    (package / "conf" / "loss").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "parts.py").write_text(SOURCE)
    (package / "conf" / "loss" / "doubled.yaml").write_text(YAML)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(plugins, "_named", {})
    monkeypatch.setenv(plugins.SETTING, "")
    yield package
    for name in [name for name in sys.modules if name.partition(".")[0] == "mylab"]:
        del sys.modules[name]


@pytest.fixture
def fresh_classes():
    from hpa.core import part_source

    part_source._parsed.cache_clear()
    yield
    part_source._parsed.cache_clear()


@pytest.mark.parametrize("words", [["plugins=[mylab]"], ["--plugins", "mylab"], ["--plugins=mylab"]])
def test_every_command_takes_plugins(mylab, words, capsys):
    assert main(["score", *words, "none.csv", "none.csv"]) == 1
    assert "none.csv" in capsys.readouterr().err
    assert plugin_configs() == [mylab / "conf"]
    assert main(["score", "plugins=[none]", "none.csv", "none.csv"]) == 1
    assert "there is no such package" in capsys.readouterr().err
    assert not (mylab / "imported").exists()


def test_help_lists_the_choices_and_recipes_of_a_plugin(mylab):
    (mylab / "conf" / "experiments").mkdir()
    (mylab / "conf" / "experiments" / "twice.yaml").write_text("# Question: is twice better?\n")
    name_plugins(["mylab"])
    page = help_page(ROOT, "train", "loss")
    assert "doubled" in page
    assert "factor: 2.0" in page
    assert "is twice better?" in help_page(ROOT, "train", "")


@pytest.mark.usefixtures("fresh_classes")
def test_a_named_plugin_adds_choices_and_classes(mylab):
    part = compose_slot(ROOT, "train", "loss", ["plugins=[mylab]", "loss=doubled", "loss.factor=3"])
    assert build(part).factor == 3
    assert plugin_configs() == [mylab / "conf"]
    assert plugins_of({"a": [part]}) == ["mylab"]


def test_nothing_of_a_plugin_that_is_not_named_is_imported(mylab):
    with pytest.raises(InputError, match=r"uses the plugin mylab.*plugins=\[mylab\]"):
        require_safe(SAVED, "x.ckpt")
    with pytest.raises(InputError, match="nothing was imported"):
        require_safe({"loss": SAVED["loss"]}, "x.ckpt")
    name_plugins(["mylab"])
    require_safe(SAVED, "x.ckpt")
    assert not (mylab / "imported").exists()  # being named and checked runs none of its modules either


@pytest.mark.usefixtures("mylab")
@pytest.mark.parametrize("target", ["mylab.parts.Other", "mylab.parts.pathlib.Path", "mylab.conf.loss"])
def test_only_classes_of_its_own_are_taken(target):
    name_plugins(["mylab"])
    with pytest.raises(InputError, match="nothing was imported"):
        require_safe({"loss": {"_target_": target}}, "x.ckpt")


@pytest.mark.usefixtures("mylab")
@pytest.mark.parametrize(
    ("name", "told"),
    [("nothing_here", "no such package"), ("json", "no plugin"), ("hpa", "name of a package"), ("../x", "name of a")],
)
def test_what_is_no_plugin_is_refused(name, told):
    with pytest.raises(InputError, match=told):
        name_plugins([name])
    assert plugin_folder(name) is None


@pytest.mark.usefixtures("mylab")
def test_processes_that_are_started_know_the_same_plugins():
    name_plugins(["mylab"])
    program = "from hpa.core.plugins import plugin_folder; raise SystemExit(plugin_folder('mylab') is None)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_an_installed_package_may_declare_itself(mylab, monkeypatch):
    point = EntryPoint("mylab", "mylab", plugins.ENTRY_POINT)
    monkeypatch.setattr(plugins, "entry_points", lambda group: [point] if group == plugins.ENTRY_POINT else [])
    plugins.declared_plugins.cache_clear()
    try:
        assert plugin_folder("mylab") == mylab
        require_safe(SAVED, "x.ckpt")
    finally:
        plugins.declared_plugins.cache_clear()


def test_the_command_line_names_what_is_missing(mylab):
    """In a process of its own: what is named there is named for the whole process."""
    words = [sys.executable, str(ROOT / "train.py"), "plugins=[mylab]", "loss=doublet"]
    done = subprocess.run(words, capture_output=True, text=True, cwd=mylab.parent)
    assert done.returncode == 2
    assert "did you mean loss=doubled" in done.stderr


def test_printed_commands_name_the_plugins_of_a_run_that_are_not_installed(mylab, monkeypatch):
    run = SimpleNamespace(path=Path("RUN"), config=lambda: {"plugins": ["mylab"]})
    assert go_on(run) == "python train.py plugins=[mylab] resume=RUN"
    assert predict(run).startswith("python infer.py plugins=[mylab] ckpt=RUN ")
    monkeypatch.setattr(run_facts, "declared_plugins", lambda: {"mylab": mylab})
    assert go_on(run) == "python train.py resume=RUN"
