import subprocess
import sys

import pytest

from hpa.cli import main

KINDS = ("loss", "supervision", "segmenter", "data")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
def test_what_it_writes_passes_its_own_tests_and_ruff_whatever_it_is_called(here):
    for kind in KINDS:
        assert main(["new", kind, f"a_name_of_many_words_for_a_{kind}", "--package", "alab"]) == 0
        assert main(["new", kind, f"x_{kind}", "--package", "zlab"]) == 0
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "pyproject.toml", "tests"]
    done = subprocess.run(words, cwd=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "14 passed" in done.stdout
    for words in (["check"], ["format", "--check"]):  # by the settings that it writes
        program = [sys.executable, "-m", "ruff", *words, "--no-cache", "."]
        styled = subprocess.run(program, cwd=here, capture_output=True, text=True)
        assert styled.returncode == 0, styled.stdout


def test_its_files_are_those_of_a_plugin(here, capsys):
    assert main(["new", "loss", "bounded", "--package", "mylab"]) == 0
    assert (here / "mylab" / "conf" / "loss" / "bounded.yaml").read_text().splitlines()[1:] == [
        "_target_: mylab.losses.bounded.BoundedLoss",
        "_task_: cells",
        "positive_weight: 2.0",
    ]
    assert 'mylab = "mylab"' in (here / "pyproject.toml").read_text()
    assert "python train.py plugins=[mylab] loss=bounded" in capsys.readouterr().out


def test_nothing_is_written_over(here, capsys):
    (here / "pyproject.toml").write_text("mine")
    assert main(["new", "loss", "bounded", "--package", "mylab"]) == 0
    assert main(["new", "loss", "bounded", "--package", "mylab"]) == 1
    assert "is there already" in capsys.readouterr().err
    assert (here / "pyproject.toml").read_text() == "mine"


@pytest.mark.parametrize("words", [["My-Loss"], ["class"], ["a", "--package", "hpa"], ["a", "--package", "My.Lab"]])
@pytest.mark.usefixtures("here")
def test_impossible_names_are_refused(words, capsys):
    assert main(["new", "loss", *words]) == 1
    assert capsys.readouterr().err


def test_in_a_checkout_the_files_go_where_those_of_the_project_lie(here, monkeypatch):
    monkeypatch.setenv("HPA_ROOT", str(here))
    (here / "pyproject.toml").touch()
    assert main(["new", "loss", "bounded"]) == 0
    assert (here / "hpa" / "losses" / "bounded.py").is_file()
    assert "hpa.losses.bounded.BoundedLoss" in (here / "conf" / "loss" / "bounded.yaml").read_text()
    assert (here / "tests" / "losses" / "test_bounded.py").is_file()
