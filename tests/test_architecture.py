"""The house keeps its shape: layers, who knows which framework, no cycles, small files. Read from the syntax trees."""

import ast
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted((ROOT / "hpa").rglob("*.py"))
LEVEL = {
    "core": 0,
    "targets": 1,
    "device": 1,
    "ranks": 1,
    "values": 2,
    "engines": 1,
    "config": 3,
    "slots": 1,
    "overrides": 4,
    "suggestions": 5,
    "interfaces": 1,
    "formats": 1,
    "published": 1,
    "sources": 3,
    "models": 3,
    "losses": 3,
    "supervision": 3,
    "metrics": 3,
    "corrections": 3,
    "measurements": 3,
    "cells": 4,
    "pixels": 4,
    "intake": 4,
    "simulation": 4,
    "segmenters": 5,
    "reports": 5,
    "training": 6,
    "inference": 6,
    "bundle": 6,
    "stages": 7,
    "sweeps": 7,
    "results": 7,
    "explorer": 8,
    "app": 8,
    "api": 9,
    "commands": 10,
    "cli": 11,
    "__main__": 12,
}
"""Imports go downwards only; packages of one level do not import each other."""


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in FILES}


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text())


@cache
def imports_of(module: str, lazy: bool = True) -> list[str]:
    found: list[str] = []

    def visit(node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Import):
                found.extend(alias.name for alias in child.names)
            elif isinstance(child, ast.ImportFrom):
                found.append(child.module or "")
            elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
                continue
            elif lazy or not isinstance(child, ast.FunctionDef):
                visit(child)

    visit(tree_of(module))
    return found


def package_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "hpa" and len(parts) > 1 else None


def test_imports_go_downwards():
    wrong = [
        f"{module} imports {target}"
        for module in MODULES
        if (home := package_of(module))
        for target in imports_of(module)
        if (package := package_of(target)) not in (None, home) and LEVEL[package] >= LEVEL[home]
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("framework", "homes"),
    [
        (
            "omegaconf",
            {
                *("hpa.app", "hpa.config", "hpa.overrides", "hpa.suggestions", "hpa.sweeps"),
                *("hpa.training.run_folder", "hpa.commands.bundle"),
            },
        ),
        ("hydra", {"hpa.app.main", "hpa.config", "hpa.overrides", "hpa.sweeps"}),
        ("pytorch_lightning", {"hpa.training", "hpa.cells.data_module", "hpa.pixels.data_module", "hpa.app.fitting"}),
        ("wandb", {"hpa.training.wandb_tracking", "hpa.training.wandb_artifacts", "hpa.reports.tracked_cells"}),
        ("albumentations", {"hpa.cells.augmentation", "hpa.pixels.tiles", "hpa.pixels.picture_transform"}),
        ("matplotlib", {"hpa.reports"}),
    ],
)
def test_frameworks_are_known_at_the_rim_only(framework, homes):
    for module in MODULES:
        if any(name.split(".")[0] == framework for name in imports_of(module)):
            assert any(module == home or module.startswith(f"{home}.") for home in homes), f"{module} knows {framework}"


def test_core_and_metrics_of_submissions_know_no_torch():
    for module in MODULES:
        if module.startswith(("hpa.core", "hpa.metrics.detection", "hpa.metrics.lint", "hpa.commands", "hpa.cli")):
            assert not any(name.split(".")[0] == "torch" for name in imports_of(module, lazy=False)), module


def test_no_import_cycles():
    graph = defaultdict(set)
    for module in MODULES:
        for target in imports_of(module, lazy=False):
            while target and target not in MODULES:
                target = target.rpartition(".")[0]
            if target and target != module:
                graph[module].add(target)
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join([*path, module])
        if module not in done:
            for target in graph[module]:
                visit(target, (*path, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())


def test_files_and_functions_stay_small():
    wrong = [str(path) for path in FILES if path.read_text().count("\n") > 300]
    wrong += [
        f"{path}: {node.name}"
        for path in FILES
        for node in ast.walk(tree_of(module_of(path)))
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]
    assert not wrong, "too long:\n" + "\n".join(wrong)


def test_no_module_gives_a_name_two_values():
    """The later one would count for functions above it too: easily so where two modules are merged."""
    wrong = []
    for module in MODULES:
        names = [
            target.id
            for node in tree_of(module).body
            for target in (node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)])
            if isinstance(target, ast.Name)
        ]
        wrong += [f"{module}: {name}" for name in set(names) if names.count(name) > 1]
    assert not wrong, "\n".join(wrong)


def test_no_module_is_named_after_nothing():
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager", "engine"}
    assert not [path for path in FILES if path.stem in vague]
