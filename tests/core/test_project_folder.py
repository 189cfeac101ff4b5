from pathlib import Path

import pytest

from hpa.core import project_folder as module
from hpa.core.project_folder import project_folder, with_commands

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def installed(tmp_path, monkeypatch) -> Path:
    """Stand in for a package that was installed from its wheel."""
    monkeypatch.setattr(module, "_INSTALLED", tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def no_setting(monkeypatch):
    monkeypatch.delenv("HPA_ROOT", raising=False)


def test_a_checkout_is_its_own_project_folder():
    assert project_folder() == ROOT
    assert with_commands("python train.py resume=RUN") == "python train.py resume=RUN"


def test_an_installed_package_holds_its_own(installed):
    assert project_folder() == installed
    assert with_commands("python train.py --help; python infer.py a=b") == "hpa train --help; hpa infer a=b"


def test_the_setting_comes_first_unless_it_is_empty(tmp_path, monkeypatch):
    monkeypatch.setenv("HPA_ROOT", str(tmp_path))
    assert project_folder() == tmp_path
    monkeypatch.setenv("HPA_ROOT", "")
    assert project_folder() == ROOT
