"""Words that people bring along from other Lightning and Hydra projects: served, or answered with the word to use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hpa.core.errors import InputError
from hpa.overrides import unknown_options
from hpa.training.trainer_arguments import ARGUMENTS, ELSEWHERE

SERVED: Mapping[str, Mapping[str, str]] = {
    "train": {
        "experiment": "experiments",
        "optimizer.lr": "optimizer.learning_rate",
        "extras.print_config": "print_config",
    },
    "infer": {"experiment": "experiments", "ckpt_path": "ckpt", "extras.print_config": "print_config"},
}
"""Keys that mean the same as one of ours, by script."""

_RATE = "optimizer.learning_rate=RATE"
_BATCH = "loading.batch_cells=N of task=cells, or loading.batch_tiles=N of task=pixels"
_SCHEDULE = "optimizer/schedule=warm_up_cosine or constant, and trainer.patience_epochs=N to stop early"
_SIDE = "crop.side_px=N of task=cells, or tiles.side_px=N of task=pixels"
_FROM_DATA = "the numbers of channels and classes come from the data set; data.channels=[red,green] chooses channels"
_DATA = "data=NAME data.root=DIR"
_DEVICE = "trainer.accelerator=gpu, mps or cpu"
_WANDB = "logger=wandb"
_NOT_COMPILED = "training runs as it is; compile=true is a word of infer.py, which gains most by it"
_GOES_ON = "resume=RUN goes on with a run, and model.weights=RUN starts a new one from its backbone"
_ONLY_TRAINS = (
    "train.py always trains, and scores the held-out fold at the end of every epoch; python infer.py ckpt=RUN "
    "data.root=DIR split=test predicts other images, and hpa score scores the result"
)
ANSWERS: Mapping[str, Mapping[str, str]] = {
    "train": {
        "ckpt_path": _GOES_ON,
        "ckpt": _GOES_ON,
        "checkpoint": _GOES_ON,
        "hydra.run.dir": "run_dir=RUN names the folder of a run, and hydra.sweep.dir=DIR that of a sweep",
        "scheduler": _SCHEDULE,
        "lr_scheduler": _SCHEDULE,
        "model.scheduler": _SCHEDULE,
        "optimizer.scheduler": _SCHEDULE,
        "compile": _NOT_COMPILED,
        "model.compile": _NOT_COMPILED,
        "matmul_precision": "TF32 is used where a GPU has it; trainer.precision=fp32, bf16 or fp16 chooses the rest",
        "logger.wandb.offline": "logger.wandb.mode=offline",
        "task_name": "run_dir=runs/NAME names the folder of a run",
        "train": _ONLY_TRAINS,
        "test": _ONLY_TRAINS,
        "lr": _RATE,
        "learning_rate": _RATE,
        "model.lr": _RATE,
        "model.optimizer.lr": _RATE,
        "trainer.lr": _RATE,
        "epochs": "trainer.max_epochs=N",
        "max_epochs": "trainer.max_epochs=N",
        "gpus": _DEVICE,
        "trainer.gpus": _DEVICE,
        "device": _DEVICE,
        "batch_size": _BATCH,
        "data.batch_size": _BATCH,
        "num_workers": "loading.workers=N",
        "data.num_workers": "loading.workers=N",
        "data_dir": "data.root=DIR",
        "data.data_dir": "data.root=DIR",
        "paths.data_dir": "data.root=DIR",
        "paths.output_dir": "run_dir=RUN",
        "trainer.resume_from_checkpoint": _GOES_ON,
        "trainer.auto_lr_find": "trainer.find_learning_rate=true",
        "data.pin_memory": "memory is pinned where there is a GPU",
        "extras.enforce_tags": "tags=[a,b] are words of your own, and may be left out",
        **dict.fromkeys(("img_size", "image_size", "input_size", "model.img_size"), _SIDE),
        **dict.fromkeys(("num_classes", "in_chans", "model.num_classes", "model.in_chans"), _FROM_DATA),
        **dict.fromkeys(("dataset", "data_path"), _DATA),
        **dict.fromkeys(("wandb", "log_wandb"), _WANDB),
        "output": "run_dir=RUN",
        "fold": "folds.held_out=N",
        "opt": "optimizer=adamw or sgd",
        "sched": _SCHEDULE,
        "warmup_epochs": "optimizer.schedule.warm_up_share=0.05, a share of the training",
        "weight_decay": "optimizer.weight_decay=X",
        "clip_grad": "optimizer/clipping=norm optimizer.clipping.max_norm=X",
        "mixup": "batch_augment=mixup",
        "cutmix": "batch_augment=cutmix",
        "smoothing": "loss=smoothed loss.smoothing=0.1",
        "amp": "trainer.precision=bf16 or fp16",
        "workers": "loading.workers=N",
        "model_ema": "optimizer.average_decay=0.99, whose moving average is validated and saved",
        "pretrained": "model.pretrained=true",
        "initial_checkpoint": "model.weights=FILE",
        "drop_path": "model.drop_path_rate=X",
        "extras.ignore_warnings": "python -W ignore train.py … ignores warnings",
    },
    "infer": {"model.weights": "ckpt=RUN, or ckpt=FILE.ckpt", "checkpoint": "ckpt=RUN", "resume": "ckpt=RUN"},
}
"""What to write instead, by script and key."""

OF_NUMBERS = {"16": "16-mixed", "32": "32-true", "64": "64-true"}
"""Lightning's numbers for precisions: as numbers they are no texts."""
_ADDED = ("hydra.sweeper.objectives", "hydra.sweeper.sampler", "hydra.sweeper.pruner")
"""Settings whose keys depend on the study: hydra takes other keys than those of the YAML only after ++."""


def with_own_words(script: str, words: Sequence[str]) -> list[str]:
    """Return the words of a command line with keys of other projects replaced by ours.

    >>> with_own_words("train", ["experiment=hpa/best", "-m", "optimizer.lr=0.1,0.2"])
    ['experiments=hpa/best', '-m', 'optimizer.learning_rate=0.1,0.2']
    >>> with_own_words("train", ["trainer.precision=32"])
    ['trainer.precision=32-true']

    Raises:
        InputError: Naming what to write in place of a word that means nothing here.
    """
    reasons = [f"'{word}' is no word of {script}.py: {answer}." for word in words if (answer := _answer(script, word))]
    reasons += [
        f"{option}: settings are written without dashes, KEY=VALUE{_of_option(script, option)}."
        for option in unknown_options(words)
    ]
    if reasons:
        raise InputError(" ".join(reasons))
    return [_served(script, word) for word in words]


def _of_option(script: str, option: str) -> str:
    name = option.lstrip("-").partition("=")[0].replace("-", "_")
    own = ANSWERS[script].get(name) or SERVED[script].get(name)
    return f"; here: {own}" if own else ""


def _answer(script: str, word: str) -> str | None:
    key, equals, _ = word.partition("=")
    return ANSWERS[script].get(key.lstrip("+~")) if equals else None


def _served(script: str, word: str) -> str:
    key, equals, value = word.partition("=")
    name = key.lstrip("+").removeprefix("trainer.")
    if equals and key.lstrip("+") != name and (name in ARGUMENTS or name in ELSEWHERE):
        return f"+trainer.arguments.{name}={value}"
    if equals and key.startswith(_ADDED):
        return f"++{word}"
    if key.lstrip("+") == ("precision" if script == "infer" else "trainer.precision") and value in OF_NUMBERS:
        return f"{key}={OF_NUMBERS[value]}"
    own = SERVED[script].get(key.lstrip("+"))
    return word if own is None or not equals else f"{own}={value}"
