"""The page on new losses keeps its word: its two files, added to a copy of the project, compose, train and learn."""

import math
import re
import shutil
import sys
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

import hpa.losses
import hpa.targets
from hpa.config import build
from hpa.core import part_source
from hpa.interfaces import Loss
from hpa.supervision.propagation import PropagationSupervision
from tests.roles import assert_fills
from tests.supervision.toy_cells import cell_average_precision, tiny_model, toy_batch, train

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorials" / "new_loss.md").read_text()
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", PAGE, flags=re.DOTALL))


def forget() -> None:
    """Let the next config be held against the files that lie there then."""
    part_source._parsed.cache_clear()
    hpa.targets._parts.cache_clear()


@pytest.fixture
def loss(tmp_path, monkeypatch) -> Loss:
    """Add the page's files to a copy of conf/ and of the package's losses; build the loss as train.py would."""
    for folder in ("conf", "hpa"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(hpa.losses, "__path__", [*hpa.losses.__path__, str(tmp_path / "hpa" / "losses")])
    monkeypatch.setenv("HPA_ROOT", str(tmp_path))
    monkeypatch.setattr(part_source, "_PACKAGE", tmp_path / "hpa")  # whose files say which classes a config may name
    forget()
    with initialize_config_dir(str(tmp_path / "conf"), version_base="1.3"):
        config = compose("train", overrides=["loss=bounded"])
    yield build(OmegaConf.to_container(config.loss))
    forget()
    sys.modules.pop("hpa.losses.bounded", None)


def test_the_page_names_one_class_and_one_yaml():
    assert [Path(name).suffix for name in FILES] == [".py", ".yaml"]
    assert not any((ROOT / name).exists() for name in FILES)


def test_it_is_a_loss_with_a_bound(loss):
    assert_fills(loss, Loss)
    logits = torch.tensor([[-50.0, 0.0]], requires_grad=True)
    value = loss(logits, torch.tensor([[1.0, 1.0]]))
    value.backward()
    assert value.item() == pytest.approx((loss.max_loss + math.log(2)) / 2)
    assert logits.grad[0, 0] == 0
    assert logits.grad[0, 1] < 0


def test_it_learns_cells_from_labels_of_images(loss):
    model = tiny_model()
    train(PropagationSupervision(loss, 0.0), model, [toy_batch(seed) for seed in range(30)])
    assert cell_average_precision(model) > 0.9  # by chance 0.25
