"""`hpa new`: class, YAML and test of a new part, in a package of one's own or in the checkout."""

from __future__ import annotations

import argparse
import keyword
import re
from pathlib import Path
from string import Template

from hpa.core.errors import InputError
from hpa.core.project_folder import project_folder
from hpa.core.whole_file import whole_file

HELP = "write class, YAML and test of a new loss, supervision, segmenter or data set"
_TEMPLATES = Path(__file__).parent / "templates"
_FOLDER_OF = {"loss": "losses", "supervision": "supervision", "segmenter": "segmenters", "data": "sources"}
"""Where the classes of each kind lie in a package."""
_CLASS_OF = {"loss": "Loss", "supervision": "Supervision", "segmenter": "Segmenter", "data": "Source"}
"""What the name of a class of each kind ends with."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("kind", choices=tuple(_FOLDER_OF), help="what it is")
    parser.add_argument("name", metavar="NAME", help="the word that is typed: loss=NAME; a_lower_case_name")
    parser.add_argument("--package", metavar="PACKAGE", help="package of yours, made here if it is missing")


def run(arguments: argparse.Namespace) -> int:
    """Write the files, print what to do next, and return 0.

    Raises:
        InputError: If a name is impossible, a file is there already, or there is neither a package nor a checkout.
    """
    kind, name, package = arguments.kind, arguments.name, arguments.package
    for word in (name, package or "hpa"):
        if not re.fullmatch(r"[a-z][a-z0-9_]*", word) or keyword.iskeyword(word):
            raise InputError(f"{word}: a name of small letters, digits and _ is expected, e.g. my_{kind}.")
    files = _of_checkout(kind, name) if package is None else _of_package(kind, name, package)
    there = [str(path) for path in files if path.exists() and files[path]]
    if there:
        raise InputError(f"{', '.join(there)}: is there already; choose another name, or remove it.")
    for path, text in files.items():
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as file:
                file.write(text.encode())
            print(f"wrote  {path}")
    test = next(path for path in files if path.name == f"test_{name}.py")
    plugin = "" if package is None else f" plugins=[{package}]"
    more = " data.root=DIR" if kind == "data" else ""
    print(f"test   python -m pytest {test}")
    print(f"use    python train.py{plugin} {kind}={name}{more}")
    return 0


def _of_checkout(kind: str, name: str) -> dict[Path, str]:
    root = project_folder()
    if not (root / "pyproject.toml").is_file():
        raise InputError("hpa is installed without its checkout: name a package of yours, --package mylab.")
    folder = _FOLDER_OF[kind]
    module = f"hpa.{folder}.{name}"
    return _part(kind, name, module, root / "hpa" / folder, root / "conf", root / "tests" / folder)


def _of_package(kind: str, name: str, package: str) -> dict[Path, str]:
    here = Path.cwd()
    if package == "hpa":
        raise InputError("--package hpa: is this project itself; name a package of yours, e.g. mylab.")
    home = here / package
    module = f"{package}.{_FOLDER_OF[kind]}.{name}"
    frame = {
        here / "pyproject.toml": _filled("plugin.toml.txt", {"package": package}),
        home / "__init__.py": "",
        home / _FOLDER_OF[kind] / "__init__.py": "",
    }
    kept = {path: text for path, text in frame.items() if not path.exists()}
    return kept | _part(kind, name, module, home / _FOLDER_OF[kind], home / "conf", here / "tests")


def _part(kind: str, name: str, module: str, code: Path, conf: Path, tests: Path) -> dict[Path, str]:
    words = name.split("_")
    class_name = "".join(word.capitalize() for word in words)
    end = _CLASS_OF[kind]
    values = {
        "name": name,
        "module": module,
        "Class": class_name if class_name.endswith(end) else class_name + end,
        "Title": " ".join(words).capitalize(),
    }
    return {
        code / f"{name}.py": _filled(f"{kind}.py.txt", values),
        conf / kind / f"{name}.yaml": _filled(f"{kind}.yaml.txt", values),
        tests / f"test_{name}.py": _filled(f"{kind}_test.py.txt", values),
    }


def _filled(template: str, values: dict[str, str]) -> str:
    text = Template((_TEMPLATES / template).read_text(encoding="utf-8")).substitute(values)
    return re.sub(r"(^from (?!__).*\n)+", _sorted_by_module, text, flags=re.MULTILINE)


def _sorted_by_module(imports: re.Match[str]) -> str:
    """Return lines that import, in their order: that of a part depends on how its package is called."""
    return "".join(sorted(imports[0].splitlines(keepends=True), key=lambda line: line.split()[1]))
