"""What names the project outside of its code agrees with it."""

import re
import tomllib
from pathlib import Path

import yaml

import hpa
from hpa.bundle.notebook_image import OWN_PACKAGE

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_citation_names_the_version():
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == hpa.__version__


def test_bundles_carry_the_distribution_that_is_built_here():
    assert PROJECT["name"] == OWN_PACKAGE


def test_extras_refer_to_this_distribution():
    own = [need for needs in PROJECT["optional-dependencies"].values() for need in needs if need.startswith("hpa")]
    assert own
    for need in own:
        name, _, extras = need.rstrip("]").partition("[")
        assert name == PROJECT["name"]
        assert set(extras.split(",")) <= PROJECT["optional-dependencies"].keys()


def test_messages_name_extras_that_exist():
    extras = PROJECT["optional-dependencies"].keys()
    for folder in ("hpa", "conf", "docs"):
        for path in [*(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("*.yaml"), *(ROOT / folder).rglob("*.md")]:
            for name, extra in re.findall(r"\b(hpa[\w-]*)\[([a-z]+)\]", path.read_text()):
                assert name == PROJECT["name"], path
                assert extra in extras, path
