"""What README.md, CONTRIBUTING.md and the pages of docs/ and experiments/ name is there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from hpa.cli import available_commands

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "experiments/README.md")),
    *sorted(page for page in (ROOT / "docs").rglob("*.md") if page.parent.name != "generated"),
]
FOLDERS = ("hpa", "conf", "experiments", "tests", "benchmarks", "docs", ".github")
NOT_HERE = {
    "hpa/supervision/ranked.py": "docs/new_strategy.md lets a reader write it",
    "conf/supervision/ranked.yaml": "so too",
    "hpa.supervision.ranked.RankedSupervision": "so too",
    "hpa/losses/bounded.py": "docs/tutorials/new_loss.md lets a reader write it",
    "conf/loss/bounded.yaml": "so too",
    "hpa.losses.bounded.BoundedLoss": "so too",
    "conf/bundle.yaml": "a file of a bundle",
    "hpa.os.system": "an example of what a config may not name",
}
"""What pages name though it is not in the project, and why."""
pytestmark = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def prose(page: Path) -> str:
    return re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)


def code(page: Path) -> list[str]:
    """Return the code spans and the lines of code blocks."""
    blocks = re.findall(r"```\w*\n(.*?)```", page.read_text(), flags=re.DOTALL)
    indented = re.findall(r"^    (\S.*)$", prose(page), flags=re.MULTILINE)
    return [
        *re.findall(r"`([^`\n]+)`", prose(page)),
        *indented,
        *(line for block in blocks for line in block.splitlines()),
    ]


def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), target
        if anchor and linked.suffix == ".md":
            headings = re.findall(r"^#+ (.+)$", linked.read_text(), flags=re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}, target


def test_paths_exist(page):
    for span in code(page):
        for path in re.findall(rf"(?<![\w/.$-])(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./*-]*\w", span):
            if path not in NOT_HERE:
                patterns = (path, f"{path}.*", f"experiments/{path}.yaml")
                assert any(any(ROOT.glob(pattern)) for pattern in patterns), path


def test_modules_and_what_they_define_exist(page):
    for span in code(page):
        for name in re.findall(r"(?<![\w/.-])(?:hpa|benchmarks|tests)(?:\.\w+)+", span):
            if name not in NOT_HERE and not name.endswith((".csv", ".json", ".yaml", ".ckpt")):
                assert is_defined(name), name


def test_commands_and_targets_exist(page):
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    for span in code(page):
        for name in re.findall(r"^hpa ([a-z][\w-]*)", span):
            assert name in available_commands(), f"hpa {name}"
        for name in re.findall(r"\bmake ([a-z][\w-]*)", span):
            assert name in targets, f"make {name}"


def test_choices_and_recipes_exist(page):
    groups = {str(path.parent.relative_to(ROOT / "conf")) for path in (ROOT / "conf").rglob("*.yaml")}
    for span in code(page):
        for slot, value in re.findall(r"(?<![\w.@/])([a-z_/]+)(?:@[\w.]+)?=(\[?[a-z_/0-9,|]+\]?)(?![\w.-])", span):
            for choice in re.split(r"[,|]", value.strip("[]")):
                if slot in ("experiments", "experiment"):
                    assert (ROOT / "experiments" / f"{choice}.yaml").exists() or choice == "...", span
                elif slot in groups and choice not in ("null", "ranked", "bounded", "my_loss", "my_strategy", ""):
                    assert (ROOT / "conf" / slot / f"{choice}.yaml").exists(), f"{slot}={choice} in {span!r}"


@cache
def is_defined(name: str) -> bool:
    """Say whether a dotted name is a module, or a name that a module defines or imports."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:count])
        file = place.with_suffix(".py") if place.with_suffix(".py").exists() else place / "__init__.py"
        if file.exists() or (place.is_dir() and count == len(parts)):
            return count == len(parts) or defines(file, parts[count])
    return False


def defines(file: Path, name: str) -> bool:
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.FunctionDef(name=found) | ast.ClassDef(name=found) | ast.Name(id=found, ctx=ast.Store()):
                if found == name:
                    return True
            case ast.ImportFrom(names=names):
                if any(name == (alias.asname or alias.name) for alias in names):
                    return True
    return False
