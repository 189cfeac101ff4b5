"""Two checkouts of the project side by side: do the same commands still give the same results?

Each checkout writes its own small synthetic data, trains tiny networks, resumes a killed run, predicts and scores.
Compared are the data, the weights of every checkpoint, metrics, submissions, tables and scores, down to the last bit:

    python -m benchmarks.unchanged run CHECKOUT FOLDER [--former-names] [--only CASE …]
    python -m benchmarks.unchanged compare FOLDER_BEFORE FOLDER_AFTER

Nothing of `hpa` is imported here, so that both checkouts are run by the same code. `--former-names` translates the
commands for a checkout from before a key was renamed (`FORMER_NAMES`).
"""

from __future__ import annotations

import argparse
import importlib
import io
import json
import os
import runpy
import signal
import sys
import time
import traceback
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import Any

import torch

from benchmarks.unchanged_results import report

FORMER_NAMES: list[tuple[str, str]] = [
    ("batch_augment=d4", "batch_augment=turns"),
    ("model/view=whole_image", "model/view=field field_augment=none"),
    ("tta.brightness=[0.8,1.0,1.25]", "tta=brightness"),
]
"""(part of a word as it is now, as it was), applied in this order."""

DATA = {
    "fields": "hpa synth {data}/fields --images 16 --test-images 5 --size 256 --seed 1 --workers 1",
    "tissue": "hpa synth {data}/tissue --layout hubmap --images 10 --test-images 3 --size 96 --seed 1 --workers 1",
    "types": "hpa synth {data}/types --layout hek_n2a --images 15 --test-images 2 --size 224 --seed 3 --workers 1",
}
CELLS = (
    "train data=kaggle_hpa data.root={data}/fields data.cell_truth={data}/fields/truth_train.csv size=tiny model=tiny"
    " trainer.accelerator=cpu report=false run_dir={case}/run"
)
LONG = "trainer.max_epochs=3 trainer.limit_batches=2"
PREDICT = "infer ckpt={case}/run device=cpu precision=fp32 out={case}/out.csv"
TISSUE = (
    "train experiments=hubmap/unet_resnet34 size=tiny trainer.precision=32-true trainer.accelerator=cpu report=false"
    " model.encoder=tu-test_resnet model.decoder.decoder_channels=[16,16,8,8,8] tiles.planes.pixel_um=12.5"
    " data.root={data}/tissue trainer.max_epochs=2 run_dir={case}/run"
)
TYPES = (
    "size=tiny trainer.limit_batches=1 trainer.precision=32-true trainer.accelerator=cpu report=false"
    " data.root={data}/types run_dir={case}/run"
)
SCORE = "hpa score {case}/out.csv {data}/fields/truth_test.csv --json"
SCORE_TISSUE = "hpa score-tissue {case}/out.csv {data}/tissue/truth_test.csv --json"

CASES: dict[str, list[str]] = {
    "propagation": [
        f"{CELLS} loss=focal {LONG}",
        f"{PREDICT} tta=d4 fusion=product rules=nucleus also=[cells,coco,label_maps]",
        "hpa lint {case}/out.csv --sample {data}/fields/sample_submission.csv",
        SCORE,
    ],
    "resumed": [f"killed {CELLS} loss=focal {LONG}", "train resume={case}/run", PREDICT, SCORE],
    "shards": [
        f"{CELLS} loss=asymmetric supervision=direct augment=none",
        f"{PREDICT} block_images=1 shard=1/2 out={{case}}/part_1.csv",
        f"{PREDICT} block_images=1 shard=2/2 out={{case}}/part_2.csv",
        "hpa merge {case}/part_1.csv {case}/part_2.csv --out {case}/out.csv",
        f"{PREDICT} block_images=1 out={{case}}/whole.csv",
        f"killed {PREDICT} block_images=1 out={{case}}/killed.csv",
        f"{PREDICT} block_images=1 out={{case}}/killed.csv",
        SCORE,
    ],
    "attention": [
        f"{CELLS} loss=binary_cross_entropy supervision=multiple_instance supervision/pooling=attention {LONG}",
        f"{PREDICT} tta=flips fusion=weighted rules=edge",
        SCORE,
    ],
    "dual": [f"{CELLS} supervision=dual supervision/pooling=max batch_augment=mixup {LONG}", PREDICT, SCORE],
    "consistency": [f"{CELLS} supervision=consistency batch_augment=exchange sampling=image_balanced {LONG}", PREDICT],
    "latent": [
        f"{CELLS} experiments=hpa/label_noise size=tiny model=tiny {LONG}",
        f"{PREDICT} tta.brightness=[0.8,1.0,1.25] rules=[edge,nucleus]",
        SCORE,
    ],
    "pseudo_label": [f"{CELLS} supervision=pseudo_label loss=sum {LONG}", PREDICT],
    "co_teaching": [f"{CELLS} supervision=co_teaching loss=smoothed sampling=class_balanced {LONG}", PREDICT],
    "large_loss": [f"{CELLS} supervision=large_loss batch_augment=cutmix {LONG}", PREDICT],
    "forward_correction": [
        f"{CELLS} supervision=forward_correction model/view=whole_image batch_augment=paste {LONG}",
        PREDICT,
    ],
    "puzzle": [f"{CELLS} supervision=puzzle {LONG}", PREDICT, SCORE],
    "class_maps": [f"{CELLS} supervision=cam_consistency {LONG}", PREDICT],
    "members": [
        f"{CELLS} loss=class_balanced model=timm model.backbone=test_resnet model/head=dense model.pretrained=false",
        f"{CELLS} loss=logit_adjusted model/view=whole_image batch_augment=d4 run_dir={{case}}/other",
        f"{PREDICT} ckpt=[{{case}}/run,{{case}}/other] ensemble=fitted rules=platt",
        f"{PREDICT} ckpt=[{{case}}/run,{{case}}/other] ensemble=rank out={{case}}/rank.csv",
        SCORE,
    ],
    "folds": [
        f"{CELLS} stages=cross_validation",
        f"{PREDICT} ckpt=[{{case}}/run/stages/0,{{case}}/run/stages/1]",
        SCORE,
    ],
    "rounds": [f"{CELLS} experiments=hpa/rounds size=tiny model=tiny folds.count=3", PREDICT],
    "best": [f"{CELLS} experiments=hpa/best size=tiny model=tiny trainer.max_epochs=2", PREDICT],
    "tissue": [TISSUE, f"{PREDICT} tta=d4", SCORE_TISSUE],
    "tissue_resumed": [f"killed {TISSUE}", "train resume={case}/run", PREDICT, SCORE_TISSUE],
    "tissue_fixed": [
        f"{TISSUE} supervision=organ_cutmix supervision@supervision.main=auxiliary model.architecture=unetplusplus",
        f"{PREDICT} thresholds=fixed",
        SCORE_TISSUE,
    ],
    "tissue_rounds": [f"{TISSUE} stages=mask_rounds folds.count=3", PREDICT, SCORE_TISSUE],
    "types": [
        f"train experiments=hek_n2a/crops {TYPES} trainer.limit_batches=2 trainer.max_epochs=2",
        f"{PREDICT} also=[cells,coco,label_maps]",
        "hpa count {case}/out.cells.parquet --designed 50:50 --json",
    ],
    "flows": [
        f"train experiments=hek_n2a/unet {TYPES}",
        "hpa segment {data}/types {case}/maps segmenter=unet segmenter.weights={case}/run segmenter.network.device=cpu",
    ],
    "detector": [
        f"train experiments=hek_n2a/mask_rcnn {TYPES}",
        "hpa segment {data}/types {case}/maps segmenter=mask_rcnn segmenter.weights={case}/run"
        " segmenter.network.device=cpu",
    ],
    "watershed": [
        "hpa segment {data}/fields/test {case}/maps segmenter=watershed",
        "hpa score-segmentation {case}/maps {data}/fields/label_maps/test --json",
    ],
}


def main() -> int:
    """Run the cases of one checkout, or compare two folders of results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.unchanged", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run every case by the code of a checkout")
    run.add_argument("checkout", type=Path)
    run.add_argument("folder", type=Path)
    run.add_argument("--former-names", action="store_true", help="the checkout knows keys by their former names")
    run.add_argument("--only", nargs="+", default=list(CASES), choices=list(CASES), metavar="CASE")
    compare = commands.add_parser("compare", help="print every difference of two folders of results")
    compare.add_argument("before", type=Path)
    compare.add_argument("after", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "compare":
        return report(arguments.before, arguments.after)
    return run_cases(arguments.checkout.resolve(), arguments.folder.resolve(), arguments.only, arguments.former_names)


def run_cases(checkout: Path, folder: Path, names: list[str], former: bool) -> int:
    """Run the commands of the cases that have no results yet; return 1 if any ended in an error."""
    os.environ |= {"HPA_CACHE": str(folder / "cache"), "HPA_ROOT": str(checkout), "CUDA_VISIBLE_DEVICES": ""}
    os.environ |= {"HF_HUB_OFFLINE": "1", "WANDB_MODE": "offline", "NO_ALBUMENTATIONS_UPDATE": "1"}
    sys.path.insert(0, str(checkout))
    for module in (
        "albumentations",
        "hydra",
        "pytorch_lightning",
        "segmentation_models_pytorch",
        "timm",
        "torchvision",
    ):
        importlib.import_module(module)  # once for all commands, which are forks of this process
    torch.set_num_threads(1)
    failed = 0
    for name, lines in {**{f"data_{name}": [line] for name, line in DATA.items()}, **CASES}.items():
        case = folder / name
        if (case / "done.json").exists() or (name in CASES and name not in names):
            continue
        case.mkdir(parents=True, exist_ok=True)
        codes = []
        for number, line in enumerate(lines):
            words = _translated(line) if former else line
            started = time.time()
            codes.append(_run(checkout, words.format(data=folder / "data", case=case).split(), case / f"{number}"))
            print(f"{name} {number}: exit {codes[-1]}, {time.time() - started:.0f} s", flush=True)
        failed += any(code not in (0, -signal.SIGKILL) for code in codes)
        (case / "done.json").write_text(json.dumps(codes))
    return int(failed > 0)


def _translated(line: str) -> str:
    for now, once in FORMER_NAMES:
        line = line.replace(now, once)
    return line


def _run(checkout: Path, words: list[str], output: Path) -> int:
    """Run a command in a fork and return its exit code; what it prints is kept beside its results."""
    killed = words[0] == "killed"
    words = words[killed:]
    process = os.fork()
    if not process:
        code = 1
        with suppress(BaseException), Path(f"{output}.err").open("w") as errors:
            os.dup2(errors.fileno(), 2)
            code = _command(checkout, words, Path(f"{output}.out"))
        os._exit(code)
    if killed:
        _kill_halfway(process, words)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def _command(checkout: Path, words: list[str], output: Path) -> int:
    shown = io.StringIO()
    code: Any = 0
    try:
        with redirect_stdout(shown):
            sys.argv = words
            if words[0] == "hpa":
                code = importlib.import_module("hpa.cli").main(words[1:])
            else:
                runpy.run_path(str(checkout / f"{words[0]}.py"), run_name="__main__")
    except SystemExit as stop:
        code = stop.code
    except BaseException:
        traceback.print_exc()
        code = 1
    output.write_text(shown.getvalue())
    sys.stderr.flush()
    return code if isinstance(code, int) else int(code is not None)


def _kill_halfway(process: int, words: list[str]) -> None:
    """Kill a training after its first epoch, a prediction after its first block."""
    value_of = dict(word.split("=", 1) for word in words[1:])
    sign = f"{value_of['run_dir']}/checkpoints/last.ckpt" if words[0] == "train" else f"{value_of['out']}.parts/block_*"
    folder, pattern = Path(sign).parent, Path(sign).name
    while not list(folder.glob(pattern)) and not os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        time.sleep(0.002)
    os.kill(process, signal.SIGKILL)


if __name__ == "__main__":
    raise SystemExit(main())
