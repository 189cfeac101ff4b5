"""Inputs of every command that are no plain files: pipes, sockets, devices, links without end, folders, empty ones.

Each try writes a sound set of files, puts something odd in the place of one of them, and runs one command. It must end
soon, with an exit code of the project and without a traceback.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import stat
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from random import Random

import cv2
import numpy as np
import torch

from benchmarks.attack.bad_files import tiff_of
from benchmarks.attack.bad_input import run_words, write_sound
from benchmarks.attack.figures import Figures, Outcome, WrongSuccessError
from benchmarks.attack.isolation import NumberedRandom, run_isolated
from benchmarks.attack.saved_configs import sound_config
from hpa.config import build
from hpa.core.channels import CHANNELS
from hpa.core.classes import LOCATION_NAMES
from hpa.core.ownership import seal_of
from hpa.training.run_folder import RunFolder

_CODES = (0, 1, 2, 3)
_SPARSE_BYTES = 1 << 40
_ENDLESS = Path("/dev/zero")
COMMANDS: tuple[str, ...] = (
    "lint @sub.csv --sample @sample.csv",
    "score @sub.csv @truth.csv",
    "score-instances @result.json @truth.json",
    "score-segmentation @predicted @true",
    "score-tissue @tissue.csv @tissue_truth.csv",
    "coco load @result.json @new",
    "coco export @true @new.json --classes @classes.csv",
    "geojson export @true @new",
    "count @classes.csv",
    "segment @set/images @new segmenter=watershed_nuclei --pixel-um 0.3",
    "segment @set/images @new ckpt=@run",
    "segment @set/images @new segmenter=stored segmenter.folder=@set/labels",
    "import @set/images @new --channels 1=green --pixel-um 0.3",
    "qc @set --out @new.html",
    "eda @set --out @new.html",
    "doctor @set",
    "show @true data.root=@set --out @new.html",
    "show @sub.csv data.root=@set --truth @truth.csv --out @new.html",
    "report @run --out @new.html",
    "compare @run @run --out @new.html",
    "status @sub.csv",
    "plan @timings.json",
    "merge @part @part --out @new.csv",
    "export @run --onnx @new.onnx",
    "export-cellpose @run @new",
    "fetch-public @table.tsv @new",
    "convert-weights @n.safetensors @weights/new.safetensors",
    "infer ckpt=@run data=instance_folder data.root=@set out=@new.csv device=cpu",
    "infer ckpt=@run/checkpoints/best.ckpt data=instance_folder data.root=@set out=@new.csv device=cpu",
    "train resume=@run trainer.max_epochs=1",
    "train data=instance_folder data.root=@set run_dir=@new model.weights=@n.safetensors",
    "train data=kaggle_hpa data.root=@nothing data.cell_truth=@truth.csv run_dir=@new",
    "train data=instance_folder data.root=@set data.corrections=@corrections.csv run_dir=@new",
)
"""Words after `hpa`; `@` stands for the folder of the try."""


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    os.mknod(path, stat.S_IFSOCK | 0o600)


def _endless_link(path: Path) -> None:
    path.symlink_to(path.name)


def _device(path: Path) -> None:
    path.symlink_to(_ENDLESS)


def _folder(path: Path) -> None:
    path.mkdir()


def _empty(path: Path) -> None:
    path.touch()


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(_SPARSE_BYTES)


def _zeros(path: Path) -> None:
    path.write_bytes(bytes(4096))


def _not_utf8(path: Path) -> None:
    path.write_bytes(b"\xff\xfe" + bytes(range(256)) * 16)


def _of_a_process(path: Path) -> None:
    path.symlink_to("/proc/self/mem")


KINDS: Mapping[str, Callable[[Path], None]] = {
    "a pipe": _pipe,
    "a socket": _socket,
    "a link to itself": _endless_link,
    "a device": _device,
    "a folder": _folder,
    "an empty file": _empty,
    "a sparse file of 1 TB": _sparse,
    "zeros": _zeros,
    "no text": _not_utf8,
    "the memory of a process": _of_a_process,
}
_TINY = ("model=tiny", "crop.side_px=32", "size=tiny")


def run(seed: int, seconds: float) -> Figures:
    """Try every command, file and kind once, in an order that the seed draws."""
    return run_isolated(__name__, seed, seconds, tries=len(every_try()), memory_mb=4096, hang_seconds=120)


def attempt(random: NumberedRandom, folder: Path) -> Outcome:
    """Try the command, file and kind that has this number in the order of the seed."""
    return try_one(*in_order(random.run_seed)[random.number], folder)


@cache
def in_order(seed: int) -> tuple[tuple[str, str, str], ...]:
    """Return every try once, in the order that a seed draws."""
    return tuple(Random(seed).sample(every_try(), len(every_try())))


@cache
def every_try() -> tuple[tuple[str, str, str], ...]:
    """Return each command with each of the files that its words name or hold, and each kind; in one order always."""
    tries = (
        (command, name, kind)
        for command in COMMANDS
        for word in command.split()
        if "@" in word and (place := word.partition("@")[2]) and not place.startswith(("new", "weights"))
        for name in (place, *_FILES_OF.get(place, ()))
        for kind in KINDS
    )
    return tuple(dict.fromkeys(tries))  # a command may name a file twice


_FILES_OF: Mapping[str, tuple[str, ...]] = {
    "predicted": ("predicted/a.tif",),
    "true": ("true/a.tif",),
    "set": ("set/images/a.png", "set/index.csv", "set/labels/a.tif"),
    "set/images": ("set/images/a.png",),
    "set/labels": ("set/labels/a.tif",),
    "run": (
        *("run/config.yaml", "run/run.json", "run/metrics.csv", "run/images.parquet"),
        *("run/checkpoints/best.ckpt", "run/checkpoints/last.ckpt", "run/lock", "run/out_of_fold.parquet"),
    ),
}


def try_one(command: str, name: str, kind: str, folder: Path) -> Outcome:
    """Run a command with something odd in the place of one of its files.

    Raises:
        WrongSuccessError: If it ends in another way than in words, or well.
    """
    work = folder / "work"
    shutil.rmtree(work, ignore_errors=True)
    write_sound(work)
    _write_more(work)
    place = work / name
    if place.is_dir():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    KINDS[kind](place)
    with contextlib.chdir(work):
        code, shown = run_words([word.replace("@", f"{work}/") for word in command.split()])
    if code not in _CODES or "Traceback" in shown or "Error:" in shown:
        raise WrongSuccessError(f"hpa {command}: {name} is {kind}: exit code {code}: {shown[-600:]}")
    return Outcome.REFUSED if code else Outcome.ACCEPTED


def _write_more(work: Path) -> None:
    """Write what the commands read beside the files of `bad_input`: a set of images, and a run."""
    for folder in ("set/images", "set/labels", "run/checkpoints"):
        (work / folder).mkdir(parents=True)
    image = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    cv2.imwrite(str(work / "set/images/a.png"), image)
    (work / "set/labels/a.tif").write_bytes(tiff_of(np.eye(64, dtype=np.uint16)))
    (work / "set/index.csv").write_text("ID\na\n")
    (work / "corrections.csv").write_text("ID,cell,class\na,1,HEK\n")
    (work / "table.tsv").write_text("Image\tLabel\tCellline\nhttp://127.0.0.1:9/1_H1_1_\tNucleoplasm\tU-2 OS\n")
    (work / "timings.json").write_text(json.dumps({"images": 1}))
    (work / "run/checkpoints/best.ckpt").write_bytes(_checkpoint())
    os.link(work / "run/checkpoints/best.ckpt", work / "run/checkpoints/last.ckpt")
    run = RunFolder(work / "run")
    run.write_config(sound_config(*_TINY))
    run.write_facts({"finished": True, "epochs": 1, "max_epochs": 1, "scores": {}, "monitor": "val_loss"})
    (work / "run/metrics.csv").write_text("epoch,step,train_loss,val_loss,seconds\n1,1,0.5,0.5,1\n")


@cache
def _checkpoint() -> bytes:
    """Return a checkpoint of the smallest network, of weights that were not trained."""
    config = sound_config(*_TINY)
    torch.manual_seed(0)
    model = build(config["model"], channel_count=len(CHANNELS), class_count=len(LOCATION_NAMES))
    state = {f"model.{key}": value for key, value in model.state_dict().items()}
    facts = {"config": config, "channels": list(CHANNELS), "class_names": list(LOCATION_NAMES)}
    file = io.BytesIO()
    torch.save({"hpa": facts | {"seal": seal_of(config)}, "state_dict": state, "epoch": 0}, file)
    return file.getvalue()
