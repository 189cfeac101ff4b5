"""Every dependency of pyproject.toml and its extras has one exact version in constraints.txt that its range fits."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]


def requirements() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [text for texts in project["optional-dependencies"].values() for text in texts]
    found = [Requirement(text) for text in project["dependencies"] + extras]
    return [one for one in found if canonicalize_name(one.name) != canonicalize_name(project["name"])]


def pins() -> dict[str, str]:
    lines = [line.split("#")[0].split(";")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines()]
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines if line)}


def test_every_dependency_is_pinned_to_a_version_that_its_range_allows():
    pinned = pins()
    wrong = {
        one.name: pinned.get(canonicalize_name(one.name), "nothing")
        for one in requirements()
        if not one.specifier.contains(pinned.get(canonicalize_name(one.name), ""), prereleases=True)
    }
    assert not wrong, f"pinned are {wrong}; renew constraints.txt: uv pip freeze --exclude-editable"


def test_every_line_of_the_constraints_is_one_exact_version():
    assert len(pins()) > 100
    assert all(version and "*" not in version for version in pins().values())
