"""What is shipped beside the wheel agrees with it: container, conda environment, metadata."""

import json
import re
import tomllib
from pathlib import Path

import yaml

import hpa

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def stages() -> dict[str, str]:
    """Return the instructions of each stage of the Dockerfile, with those of the stage it starts from."""
    found: dict[str, str] = {}
    for origin, name, text in re.findall(r"^FROM (\S+) AS (\S+)\n(.*?)(?=^FROM |\Z)", DOCKERFILE, re.DOTALL | re.M):
        found[name] = found.get(origin, "") + text
    return found


def test_the_metadata_names_the_version():
    assert json.loads((ROOT / ".zenodo.json").read_text())["version"] == hpa.__version__


def test_images_for_cpu_and_cuda_run_without_rights():
    for target in ("cpu", "cuda"):
        instructions = re.findall(r"^(USER|ENTRYPOINT) (.+)$", stages()[target], flags=re.MULTILINE)
        assert instructions == [("ENTRYPOINT", '["hpa"]'), ("USER", "1000")]
    assert "--torch-backend cpu" in stages()["cpu"]
    assert "--torch-backend" not in stages()["cuda"]


def test_what_the_container_copies_is_there_and_makes_the_wheel():
    copied = " ".join(re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, flags=re.MULTILINE)).split()
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied) == allowed
    assert all((ROOT / name).exists() for name in copied)
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert {*wheel["only-include"], *wheel["force-include"]} <= set(copied)


def test_pinned_tools_of_the_container_are_those_that_were_tested():
    pinned = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    for name, version in re.findall(r"(hatchling)==([\d.]+)", DOCKERFILE):
        assert pinned[name] == version


def test_the_conda_environment_installs_the_checkout():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    [pip] = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert pip == ["-c constraints.txt", "-e .[dev]"]
    assert "dev" in PROJECT["project"]["optional-dependencies"]


def test_the_development_container_is_json():
    settings = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert "make install" in settings["postCreateCommand"]
    assert settings["remoteUser"] != "root"
