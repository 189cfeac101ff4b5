import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpa.bundle.notebook_image import needed_packages
from hpa.bundle.pip import run_pip
from hpa.cli import main
from hpa.core.errors import InputError
from hpa.simulation import write_competition
from tests.bundle.offline_machine import OfflineMachine, here
from tests.bundle.small_run import write_small_run

ROOT = Path(__file__).resolve().parents[2]
BUNDLED = {
    *("hydra-core", "omegaconf", "antlr4-python3-runtime", "jaxtyping", "wadler-lindig"),
    *("rich", "markdown-it-py", "mdurl", "pygments"),
}
"""What the image of the long test lacks; the rest is linked, so that little is fetched."""


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    return write_small_run(tmp_path_factory.mktemp("runs") / "first")


def refused(capsys, *words) -> str:
    """Return what the command says when it ends with 1."""
    assert main(["bundle", *map(str, words)]) == 1
    return capsys.readouterr().err


def test_a_folder_that_holds_files_is_left_alone(run, tmp_path, capsys):
    (tmp_path / "mine").write_text("mine")
    assert "new or empty folder" in refused(capsys, run, "--out", tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_run_without_a_checkpoint_is_reported_and_nothing_is_left(run, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    assert "no epoch was finished" in refused(capsys, run, tmp_path / "empty", "--out", tmp_path / "out")
    assert "no such run folder" in refused(capsys, tmp_path / "none", "--out", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_runs_of_different_classes_are_reported(run, tmp_path, capsys):
    other = write_small_run(tmp_path / "other", class_names=("a", "b"))
    told = refused(capsys, run, other, "--out", tmp_path / "out")
    assert "names other classes" in told
    assert str(other) in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--have", "torchvison"], "did you mean torchvision"),
        (["--python", "3"], "--python 3:"),
        (["--platform", "linux"], "--platform linux:"),
        (["segmenter=stored", "segmenter.folder=tests"], "cannot be bundled"),
        (["segmenter=hpa_cell"], "nuclei_weights"),
        (["data=synthetic"], "data=kaggle_hpa"),
        (["rules=platt"], "held-out predictions"),  # rather here than in the notebook
    ],
)
def test_overrides_that_do_not_fit_are_refused(run, tmp_path, words, told, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert told in refused(capsys, run, "--out", tmp_path / "out", *words)
    assert not (tmp_path / "out").exists()


def test_a_misspelt_choice_is_answered_with_the_nearest(run, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert main(["bundle", str(run), "--out", str(tmp_path / "out"), "tta=d44"]) == 2
    assert "tta=d4" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_settings_alone_are_no_run(tmp_path, capsys):
    assert "no run is named" in refused(capsys, "tta=d4", "--out", tmp_path / "out")


def test_outside_a_checkout_the_remedy_is_given(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HPA_ROOT", str(tmp_path))
    assert "HPA_ROOT" in refused(capsys, run, "--out", tmp_path / "out")


@pytest.mark.slow
def test_without_a_registry_nothing_is_left(run, tmp_path, capsys, monkeypatch):
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # a port where nothing answers
    assert "registry could not be reached" in refused(capsys, run, "--out", tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.fixture
def registry(tmp_path_factory) -> None:
    """Skip where no package can be fetched."""
    try:
        run_pip(["download", "--no-deps", "--dest", str(tmp_path_factory.mktemp("probe")), "wadler-lindig"], "a try")
    except InputError as error:
        pytest.skip(f"wheels cannot be fetched here: {error}")


@pytest.mark.thorough
def test_the_notebook_of_a_bundle_writes_the_submission_of_the_checkout_offline(run, tmp_path, registry, capsys):
    """In a fresh environment without network, whose image lacks this package, hydra and a few more."""
    fields, bundle = tmp_path / "input" / "competition", tmp_path / "input" / "bundle"
    write_competition(fields, images=6, test_images=3, side_px=256, seed=5)
    image = sorted(needed_packages().keys() - BUNDLED)
    words = ["tta=flips", "rules=edge"]
    assert main(["bundle", str(run), "--out", str(bundle), "--have", ",".join(image), *words]) == 0
    assert "lists the steps" in capsys.readouterr().out
    wheels = {path.name.partition("-")[0].replace("_", "-") for path in (bundle / "wheels").glob("*.whl")}
    assert wheels == BUNDLED | {"hpa-cells"}

    machine = OfflineMachine(tmp_path / "machine", image)
    (tmp_path / "working").mkdir()
    done = machine.run_notebook(bundle / "notebook.ipynb", tmp_path / "input", tmp_path / "working")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not machine.attempts.exists(), f"the network was tried: {machine.attempts.read_text()}"
    installed = {name for name, place in machine.installed().items() if "/env/" in place}
    assert installed == BUNDLED | {"hpa-cells"}

    command = [sys.executable, ROOT / "infer.py", f"ckpt={run}", "data=kaggle_hpa", f"data.root={fields}", *words]
    subprocess.run(
        [*command, f"out={tmp_path / 'checkout.csv'}"], check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    submission = (tmp_path / "working" / "submission.csv").read_bytes()
    assert submission == (tmp_path / "checkout.csv").read_bytes()
    assert submission.count(b"\n") == 4

    manifest = json.loads((bundle / "hpa_bundle.json").read_text())
    assert manifest["python"] == here()
    assert manifest["settings"]["segmenter"]["_target_"].endswith("Watershed")
