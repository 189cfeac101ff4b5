"""The wheel alone is enough: installed where there is no checkout, it makes data, trains, predicts and scores."""

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SMALL = "experiments=hpa/first_light model=tiny crop.side_px=32 trainer.max_epochs=1 loading.workers=0 report=false"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> Path:
    """Folder of programs of an environment with the wheel, which sees the other packages of this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder)
    site = next((folder / "lib").glob("python3.*")) / "site-packages"
    others = [path for path in map(Path, sys.path) if path.name == "site-packages"]
    (site / "others.pth").write_text("".join(f"{path}\n" for path in others))  # .pth files in these are not read
    words = ["--python", str(folder / "bin" / "python"), "install", "--no-deps", "--no-index", "--quiet", str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *words], check=True)
    return folder / "bin"


def outcome(environment: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    hidden = ("PYTHONPATH", "HPA_ROOT")
    plain = {name: value for name, value in os.environ.items() if name not in hidden}
    plain |= {"HPA_CACHE": str(folder / "cache"), "COLUMNS": "200"}
    return subprocess.run([environment / words[0], *words[1:]], cwd=folder, env=plain, capture_output=True, text=True)


def run(environment: Path, folder: Path, line: str) -> str:
    done = outcome(environment, folder, *line.split())
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_wheel_holds_configs_recipes_pages_and_plugins(wheel):
    held = set(zipfile.ZipFile(wheel).namelist())
    for source, home in (("conf", "hpa/project/conf"), ("experiments", "hpa/project/experiments"), ("hpa", "hpa")):
        files = {path.relative_to(ROOT / source) for path in (ROOT / source).rglob("*") if path.is_file()}
        files = {path for path in files if "__pycache__" not in path.parts}
        assert {f"{home}/{path.as_posix()}" for path in files} <= held
    assert {"hydra_plugins/hpa_sweepers.py", "hpa/project/train.py", "hpa/project/infer.py"} <= held


@pytest.mark.slow
def test_the_steps_of_the_demo_run_from_an_empty_folder(environment, tmp_path):
    run(environment, tmp_path, "hpa synth data --images 8 --size 256 --seed 1")
    truth = "data.root=data data.cell_truth=data/truth_train.csv"
    run(environment, tmp_path, f"hpa train -m {SMALL} {truth} hydra.sweep.dir=runs hydra.sweep.subdir=first")
    words = "data=kaggle_hpa data.root=data split=test out=submission.csv workers=1"
    run(environment, tmp_path, f"hpa infer ckpt=runs/first {words}")
    run(environment, tmp_path, "hpa lint submission.csv --sample data/sample_submission.csv")
    assert run(environment, tmp_path, "hpa score submission.csv data/truth_test.csv").startswith("mAP ")
    assert {"data", "runs", "submission.csv", "cache"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.slow
def test_help_and_errors_name_the_commands_that_are_there(environment, tmp_path):
    told = run(environment, tmp_path, "hpa train --help")
    assert "usage: hpa train " in told
    assert "python train.py" not in told
    assert "focal" in run(environment, tmp_path, "hpa train --help loss")
    done = outcome(environment, tmp_path, "hpa", "train", "loss=focl")
    assert done.returncode == 2
    assert "did you mean loss=focal" in done.stderr


@pytest.mark.slow
def test_the_wheel_is_packed_again_from_its_installed_files(environment, wheel, tmp_path):
    program = (
        "from pathlib import Path; from hpa.bundle.own_wheel import own_wheel;"
        "from hpa.core.project_folder import project_folder;"
        "print(own_wheel(project_folder(), Path.cwd()))"
    )
    done = outcome(environment, tmp_path, "python", "-c", program)
    assert done.returncode == 0, done.stderr
    again = Path(done.stdout.strip())
    assert again.name == wheel.name
    assert set(zipfile.ZipFile(again).namelist()) == set(zipfile.ZipFile(wheel).namelist())
    words = ["-m", "pip", "install", "--no-deps", "--no-index", "--quiet", "--target", str(tmp_path / "again")]
    subprocess.run([sys.executable, *words, str(again)], check=True)
    assert (tmp_path / "again" / "hpa" / "project" / "conf" / "train.yaml").is_file()
