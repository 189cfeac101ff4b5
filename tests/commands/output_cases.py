"""What every command writes, for the tests of the one rule for outputs.

A command that is not here fails them: add its case, or put it among `WRITES_NOTHING`.
"""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from hpa.cli import main
from hpa.core.errors import Problem
from hpa.formats.label_maps import write_label_map
from hpa.inference.block_report import BlockReport
from hpa.inference.blocks import Shard
from hpa.inference.shards import write_part
from hpa.inference.work_claim import opened
from hpa.sweeps.outcome import FINISHED, JobOutcome, write_outcome
from tests.bundle.small_run import write_small_run
from tests.discs import write_discs
from tests.simulation.composed.conftest import square_mask, stripes


class Case(NamedTuple):
    """One output of a command, tried in a folder of its own.

    Attributes:
        make: Writes what the command reads.
        words: The command.
        outputs: Files that it writes.
        onto_input: The same command with an input as its output, and what it takes to write over things; None where a
            command reads nothing, or always makes a new folder.
        runs: Whether it is cheap enough to be run to its end.
    """

    make: Callable[[], object]
    words: Sequence[str]
    outputs: Sequence[str]
    onto_input: Sequence[str] | None = None
    runs: bool = True


def _set() -> None:
    """Write images/ and labels/ of two pictures, without a table."""
    write_discs(Path("set"), 2)
    Path("set/index.csv").unlink()


def _jobs() -> None:
    """Write two jobs of a sweep."""
    for number in ("0", "1"):
        words, scores = (f"seed={number}",), {"val_image_map": 0.5 + int(number)}
        job = JobOutcome(words, number, FINISHED, 0, None, "val_image_map", scores)
        (Path("sweep") / number).mkdir(parents=True, exist_ok=True)
        write_outcome(Path("sweep") / number, job)


def _typed() -> None:
    _set()
    Path("set/index.csv").write_text("ID,class\ndisc_00,HEK\n")


def _raw() -> None:
    _set()
    Path("raw/images").mkdir(parents=True)
    shutil.copy("set/images/disc_00.png", "raw/images/a_blue.tif")


def _coco() -> None:
    _set()
    assert main(["coco", "export", "set/labels", "in.json"]) == 0
    Path("mixed").mkdir()
    shutil.copy("in.json", "mixed/classes.csv")


def _parts() -> None:
    columns = ("ID", "ImageWidth", "ImageHeight", "PredictionString")
    for number, name in enumerate("ab"):
        with opened(Path("out"), {}) as work:
            work.write_rows(number, [(name, 3, 4, "0 0.5 abc")])
            problems: tuple[Problem, ...] = ()
            report = BlockReport(number, (name,), 1, problems, (), "as configured", "x", work.files_of(number))
            write_part(Path(name), Shard(number + 1, 2), columns, {"split": "test"}, 2, work, [report])


def _run() -> None:
    write_small_run(Path("run"))


def _world_and_run() -> None:
    _run()
    assert main(["synth", "world", "--images", "2", "--test-images", "1", "--size", "64", "--seed", "1"]) == 0


def _cellpose_run() -> None:
    import torch

    facts = {"config": {"model": {"_target_": "hpa.models.cellpose.CellposeModel"}}, "channels": [], "class_names": []}
    state = {"model.network.published.W2": torch.eye(2)}
    torch.save({"state_dict": state, "hpa": facts, "epoch": 3}, "best.ckpt")


def _pickled() -> None:
    for name in ("net.pth", "net.safetensors"):
        Path(name).write_bytes(b"outputs are checked before anything is read")


def _crops() -> None:
    import cv2

    for kind, name in enumerate(("across", "along")):
        for number in range(4):
            place = Path("cells") / name / f"specimen{number}"
            place.mkdir(parents=True)
            cv2.imwrite(str(place / "c.png"), stripes(number, kind))
            cv2.imwrite(str(place / "c_mask.png"), square_mask())


def _atlas_table() -> None:
    rows = ["Image", "Label", "Cellline", "http://127.0.0.1:9/100/23_H1_1_", "Nucleoplasm", "U-2 OS"]
    text = "\n".join(["\t".join(rows[:3]), "\t".join(rows[3:])]) + "\n"
    Path("table.tsv").write_text(text)
    Path("mixed").mkdir()
    Path("mixed/train.csv").write_text(text.replace("\t", ","))


def _geojson() -> None:
    _set()
    assert main(["geojson", "export", "set/labels", "geojson"]) == 0


def _labels() -> None:
    Path("maps").mkdir()
    write_label_map(Path("maps/disc_00.tif"), np.eye(64, dtype=np.int32))
    _set()


def _nothing() -> None:
    pass


_SEGMENT = ("segment", "set/images", "maps", "segmenter=watershed_nuclei", "--pixel-um", "0.5")
CASES: dict[str, Case] = {
    "bundle": Case(
        _run, ("bundle", "run", "--out", "out"), ("out/README.md",), ("bundle", "run", "--out", "run"), False
    ),
    "coco export": Case(
        _set,
        ("coco", "export", "set/labels", "out.json"),
        ("out.json",),
        ("coco", "export", "set/labels", "set/labels/disc_00.png", "--overwrite"),
    ),
    "coco load": Case(
        _coco,
        ("coco", "load", "in.json", "out"),
        ("out/disc_00.tif", "out/classes.csv"),
        ("coco", "load", "mixed/classes.csv", "mixed", "--overwrite"),
    ),
    "compare": Case(_jobs, ("compare", "--sweep", "sweep", "--out", "out.html"), ("out.html",)),
    "compose": Case(
        _crops, ("compose", "cells", "out", "--images", "4", "--size", "64", "--workers", "1"), ("out/train.csv",)
    ),
    "convert-weights": Case(
        _pickled,
        ("convert-weights", "net.pth", "out.safetensors"),
        ("out.safetensors",),
        ("convert-weights", "net.safetensors", "net.safetensors", "--overwrite"),
        False,
    ),
    "doctor": Case(
        _set,
        ("doctor", "set"),
        ("doctor.png",),
        ("doctor", "set", "--picture", "set/images/disc_00.png", "--overwrite"),
    ),
    "doctor --picture": Case(_set, ("doctor", "set", "--picture", "out.png"), ("out.png",)),
    "eda": Case(_set, ("eda", "set"), ("eda.html",), ("eda", "page.html", "--out", "page.html", "--overwrite")),
    "export": Case(_run, ("export", "run", "--onnx", "out.onnx"), ("out.onnx",), runs=False),
    "export-cellpose": Case(
        _cellpose_run,
        ("export-cellpose", "best.ckpt", "out"),
        ("out",),
        ("export-cellpose", "best.ckpt", "best.ckpt", "--overwrite"),
    ),
    "fetch-public": Case(
        _atlas_table,
        ("fetch-public", "table.tsv", "out"),
        ("out/train.csv", "out/metadata.csv"),
        ("fetch-public", "mixed/train.csv", "mixed"),
        False,
    ),
    "geojson export": Case(_set, ("geojson", "export", "set/labels", "out"), ("out/disc_00.geojson",)),
    "geojson load": Case(
        _geojson,
        ("geojson", "load", "geojson", "out", "--like", "set/labels"),
        ("out/disc_00.tif", "out/classes.csv"),
    ),
    "import": Case(
        _raw,
        ("import", "raw", "out", "--pattern", "images/{image}_{channel}.tif", "--channels", "blue=blue"),
        ("out/index.csv", "out/notes.txt"),
        ("import", "raw", "raw", "--pattern", "images/{image}_{channel}.tif", "--channels", "blue=blue", "--overwrite"),
    ),
    "infer": Case(
        _world_and_run,
        ("infer", "ckpt=run", "data=kaggle_hpa", "data.root=world", "out=out.csv"),
        ("out.csv",),
        ("infer", "ckpt=run", "data=kaggle_hpa", "data.root=world", "out=world/train.csv", "overwrite=true"),
        False,
    ),
    "merge": Case(
        _parts, ("merge", "a", "b", "--out", "out.csv"), ("out.csv",), ("merge", "a", "b", "--out", "a", "--overwrite")
    ),
    "new": Case(_nothing, ("new", "loss", "mine", "--package", "mylab"), ("mylab/losses/mine.py",)),
    "qc": Case(
        _typed,
        ("qc", "set", "--out", "out.html"),
        ("out.html", "out.csv"),
        ("qc", "set", "--out", "set/index.html", "--overwrite"),
    ),
    "report": Case(_run, ("report", "run", "--out", "out.html"), ("out.html",), runs=False),
    "segment": Case(
        _set,
        (*_SEGMENT, "--preview", "--measure"),
        ("maps/disc_00.tif", "maps/preview/disc_00.png", "maps/measurements.parquet", "maps/segmenter.json"),
        ("segment", "set/images", "set/images", "segmenter=watershed_nuclei", "--format", "png", "--overwrite"),
    ),
    "segment --format cellpose": Case(_set, (*_SEGMENT, "--format", "cellpose"), ("maps/disc_00_seg.npy",)),
    "show": Case(
        _labels,
        ("show", "maps", "data.root=set", "--out", "out.html"),
        ("out.html",),
        ("show", "page.html", "data.root=set", "--out", "page.html", "--overwrite"),
    ),
    "synth": Case(
        _nothing,
        ("synth", "out", "--images", "4", "--size", "64", "--workers", "1", "--seed", "1"),
        ("out/train.csv", "out/notes.txt"),
    ),
    "synth --layout hubmap": Case(
        _nothing,
        ("synth", "out", "--layout", "hubmap", "--images", "5", "--size", "64", "--workers", "1", "--seed", "1"),
        ("out/train.csv",),
    ),
    "synth --layout hek_n2a": Case(
        _nothing,
        ("synth", "out", "--layout", "hek_n2a", "--images", "4", "--size", "64", "--workers", "1", "--seed", "1"),
        ("out/index.csv",),
    ),
    "train": Case(_nothing, ("train", "size=tiny", "run_dir=out"), ("out/notes.txt",), runs=False),
}
"""Cases by the words of their command, with what distinguishes several of one."""
WRITES_NOTHING = (
    "count",
    "lint",
    "plan",
    "score",
    "score-instances",
    "score-segmentation",
    "score-tissue",
    "status",
)
"""Commands that only print."""
APPENDS = ("explore",)
"""Commands that add what a user enters to a table, and change no row that is there."""
WRITES_THE_CACHE = ("weights",)
"""Commands that write to the user's cache alone, where what is there is kept (tests/commands/test_weights.py)."""
