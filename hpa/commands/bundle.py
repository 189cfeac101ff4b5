"""`hpa bundle`: everything that a notebook without internet needs, in one folder to upload."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import hpa
from hpa.bundle.manifest import write_manifest
from hpa.bundle.notebook_image import USUAL_PACKAGES, NotebookImage, packages_of
from hpa.bundle.project_files import SETTINGS_FILE, copy_project, write_pages
from hpa.bundle.wheels import collect_wheels
from hpa.core.digest import sha256_of_file
from hpa.core.errors import InputError
from hpa.core.ownership import require_no_paths
from hpa.core.project_folder import project_folder
from hpa.core.whole_file import whole_folder

if TYPE_CHECKING:
    from hpa.models.saved_run import SavedRun

HELP = "pack runs, wheels and a notebook into a folder that writes a submission without internet"
_PLATFORM = "manylinux_2_28_x86_64"
_HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
_FORMAT = 1
"""Rises when the notebook of an older bundle could not read its manifest."""
_LISTED_WHEELS = 3
MB = 1e6


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description = f"{HELP}. Upload DIR as a data set of the notebook service; DIR/README.md lists the steps."
    parser.add_argument("runs", metavar="RUN", nargs="+", help="run folders or .ckpt files; several are an ensemble")
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="new or empty folder to write")
    parser.add_argument("--python", metavar="3.N", default=_HERE, help="Python of the notebook (%(default)s, as here)")
    parser.add_argument(
        "--platform",
        metavar="TAG",
        default=_PLATFORM,
        help="wheel platform of the notebook: its glibc and processor (%(default)s)",
    )
    parser.add_argument(
        "--have",
        metavar="A,B",
        default=USUAL_PACKAGES,
        help="packages that the notebook's image has, each as NAME or NAME==VERSION; or a file that 'pip freeze' wrote "
        "there; '' brings all (%(default)s)",
    )
    parser.add_argument("overrides", nargs="*", help="as of infer.py: tta=d4, rules=edge, segmenter=watershed")


def run(arguments: argparse.Namespace) -> int:
    """Write the bundle, print its sizes and return 0.

    Raises:
        InputError: If the folder is not empty, a run or a wheel cannot be used, or an argument does not fit.
    """
    from hpa.models.saved_run import members_of

    words = [*arguments.runs, *arguments.overrides]
    runs = [member for word in words if "=" not in word for member in members_of(word)]
    overrides = [word for word in words if "=" in word]
    if not runs:
        raise InputError("no run is named; write hpa bundle RUN --out DIR, where RUN is a folder that train.py wrote.")
    root = project_folder()
    image = NotebookImage(arguments.python, arguments.platform, packages_of(arguments.have))
    with whole_folder(arguments.out) as bundle:
        copy_project(root, bundle)
        saved = _write_weights(runs, bundle)
        settings = _write_settings(root, saved, overrides, bundle)
        notes = collect_wheels(root, image, bundle / "wheels")
        write_pages(bundle, image, list(saved))
        sizes = write_manifest(bundle, _facts(image, saved) | {"settings": settings})
    _report(arguments.out, sizes, notes)
    return 0


def _write_weights(runs: list[Path], bundle: Path) -> dict[str, SavedRun]:
    """Write what inference needs of each run, and return the runs by their names in the bundle.

    Raises:
        InputError: If a run has no checkpoint or classifies no cells, or the runs differ in their classes.
    """
    from hpa.bundle.checkpoints import lean_run, run_name  # here: torch is not needed for --help
    from hpa.inference.cells.workload import require_same_classes
    from hpa.inference.workload import require_task

    saved = {}
    for number, path in enumerate(runs, start=1):
        name = f"{number}_{run_name(path)}"
        saved[name] = lean_run(path, bundle / "weights" / name)
    require_task(list(saved.values()), "cells")
    require_same_classes(list(saved.values()))
    return saved


def _write_settings(root: Path, saved: dict[str, SavedRun], overrides: list[str], bundle: Path) -> dict[str, Any]:
    """Write the resolved settings of inference and the files they name, and return them.

    Raises:
        InputError: If an override does not fit, or a part cannot be built or go along.
    """
    from omegaconf import OmegaConf

    from hpa.bundle.settings import BESIDE_PROJECT, LEFT_OUT, bundled_settings, reads_a_folder, settings_text
    from hpa.suggestions import compose_or_suggest
    from hpa.targets import require_slots

    run = next(iter(saved.values()))
    trained = run.config
    if trained.get("plugins"):
        raise InputError(f"a run with parts of {', '.join(trained['plugins'])} cannot be bundled: only hpa goes along.")
    words = [*overrides, "ckpt=null"]  # the runs are named in the bundle
    composed = compose_or_suggest(root, "infer", words)
    if composed.get("data") is None and not reads_a_folder(run.settings("data")):
        composed = compose_or_suggest(root, "infer", [*words, "data=kaggle_hpa"])
    plain = cast("dict[str, Any]", OmegaConf.to_container(composed, resolve=True))  # data.root may be missing
    if not run.is_own:  # a file that it names would be carried into the bundle
        taken = {slot: trained.get(slot) for slot in ("segmenter", "data") if plain.get(slot) is None}
        require_no_paths(taken, "", run.path, LEFT_OUT)
    settings = bundled_settings(plain, trained, list(saved), bundle)
    require_slots(settings, "hpa bundle")
    yaml = OmegaConf.to_yaml(settings)
    (bundle / SETTINGS_FILE).write_text(settings_text(yaml), encoding="utf-8")
    as_there = OmegaConf.to_container(OmegaConf.create(yaml.replace(BESIDE_PROJECT, f"{bundle}/")))
    _rehearse(cast("dict[str, Any]", as_there))
    return settings


def _rehearse(settings: dict[str, Any]) -> None:
    """Build all parts from the bundle's own files, so that errors show here and not in the notebook.

    Raises:
        InputError: If a part does not fit its settings, or needs predictions that the runs did not keep.
    """
    from hpa.config import build
    from hpa.inference.cells.workload import CellPredictors
    from hpa.models.saved_run import read_saved_run

    build(settings["segmenter"])
    runs = [read_saved_run(path) for path in settings["ckpt"]]
    predictors = CellPredictors(runs, settings)
    predictors.fallbacks()
    predictors.fitted_rules([build(rule) for rule in settings["rules"].values()], build(settings["fusion"]))


def _facts(image: NotebookImage, saved: dict[str, SavedRun]) -> dict[str, Any]:
    """Return the entries of the manifest beside the files."""
    runs = {
        name: {"checkpoint_sha256": sha256_of_file(run.path), "epoch": run.epoch, "channels": run.channels}
        for name, run in saved.items()
    }
    return {
        "hpa_bundle": _FORMAT,
        "hpa": hpa.__version__,
        "python": image.python,
        "platform": image.platform,
        "in_image": dict(image.packages),
        "runs": runs,
    }


def _report(out: Path, sizes: dict[str, int], notes: list[str]) -> None:
    for note in notes:
        print(f"note      {note}")
    for file in sorted((out / "wheels").iterdir(), key=lambda file: -file.stat().st_size)[:_LISTED_WHEELS]:
        print(f"large     {file.stat().st_size / MB:8.2f} MB  {file.name}")
    for folder in ("wheels", "weights", "project"):
        print(f"{folder:8}  {sizes[folder] / MB:8.2f} MB")
    print(f"{out}: {sum(sizes.values()) / MB:.1f} MB; {out / 'README.md'} lists the steps")
