"""The page on new strategies keeps its word: its two files, added to a copy of the project, compose and train."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import hpa.supervision
import hpa.targets
from hpa.config import build_nested
from hpa.core import part_source
from hpa.interfaces import Supervision
from hpa.supervision.propagation import PropagationSupervision
from tests.roles import assert_fills
from tests.supervision.toy_cells import cell_average_precision, plain_loss, tiny_model, toy_batch, train

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "new_strategy.md").read_text()
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", PAGE, flags=re.DOTALL))
COMMANDS = re.search(r"```bash\n(.*?)```", PAGE, flags=re.DOTALL)[1].splitlines()


def forget() -> None:
    """Let the next config be held against the files that lie there then."""
    part_source._parsed.cache_clear()
    hpa.targets._parts.cache_clear()


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """Add the page's files to a copy of conf/ and of the package's strategies."""
    shutil.copytree(ROOT / "conf", tmp_path / "conf")
    shutil.copytree(ROOT / "hpa", tmp_path / "hpa", ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    folders = [*hpa.supervision.__path__, str(tmp_path / "hpa" / "supervision")]
    monkeypatch.setattr(hpa.supervision, "__path__", folders)
    monkeypatch.setenv("HPA_ROOT", str(tmp_path))
    monkeypatch.setattr(part_source, "_PACKAGE", tmp_path / "hpa")  # whose files say which classes a config may name
    forget()
    yield tmp_path
    forget()
    sys.modules.pop("hpa.supervision.ranked", None)


def strategy(project: Path, overrides: list[str]) -> Supervision:
    with initialize_config_dir(str(project / "conf"), version_base="1.3"):
        config = compose("train", overrides=overrides)
    return build_nested(OmegaConf.to_container(config.supervision), loss=plain_loss(), model=tiny_model())


def test_the_page_names_one_class_and_one_yaml():
    assert [Path(name).suffix for name in FILES] == [".py", ".yaml"]
    assert not any((ROOT / name).exists() for name in FILES)


def test_its_commands_compose(project):
    for command in COMMANDS:
        words = command.removeprefix("python train.py ").removeprefix("-m ").split()
        assert_fills(strategy(project, [word.split(",")[0] for word in words]), Supervision)


def test_the_strategy_learns_cells_from_labels_of_images(project):
    model = tiny_model()
    train(strategy(project, ["supervision=ranked"]), model, [toy_batch(seed) for seed in range(30)])
    assert cell_average_precision(model) > 0.9  # by chance 0.25


def test_without_doubt_it_is_propagation(project):
    model, batch = tiny_model().eval(), toy_batch(0)
    terms = strategy(project, ["supervision=ranked", "supervision.doubt=0.0"]).step(model, batch, 1.0).terms
    assert terms == PropagationSupervision(plain_loss(), 0.0).step(model, batch, 1.0).terms


def test_it_stands_beside_others(project):
    words = ["supervision=mixed", "supervision@supervision.parts.weak=ranked"]
    assert strategy(project, words).unit == "image"
