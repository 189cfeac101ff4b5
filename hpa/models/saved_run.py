"""A trained network on disk: weights, its resolved config, its channels and classes; read without running any code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from hpa.core.addresses import as_path
from hpa.core.errors import InputError
from hpa.core.json_file import read_json
from hpa.core.levels import Levels
from hpa.core.ownership import is_own, require_no_paths
from hpa.models.tensor_file import UnreadableError, load_plain
from hpa.targets import TASKS, require_plain
from hpa.values import require_saved

STAGE = re.compile(r"stages/\d+", re.ASCII)
"""Folder of a training within its chain."""
_MODEL, _AVERAGED = "model.", "average.model."


@dataclass(frozen=True)
class SavedRun:
    """What a checkpoint of a run holds.

    Attributes:
        path: The file.
        config: The run's resolved config, plain types.
        channels: Channels of the network's input, in order.
        class_names: Classes that it predicts, in order.
        weights: Weights to predict with: the moving average where the run kept one.
        epoch: Epochs finished.
        levels: Levels of the images it was trained on, those of 8 and of 16 bit apart; () where the run did not keep
            them.
    """

    path: Path
    config: dict[str, Any]
    channels: tuple[str, ...]
    class_names: tuple[str, ...]
    weights: dict[str, Tensor]
    epoch: int
    levels: tuple[Levels, ...] = ()
    is_own: bool = False

    def part(self, slot: str) -> dict[str, Any]:
        """Return a part of the run's config that is taken over where the command names none.

        Raises:
            InputError: If the run is another's and the part names files.
        """
        part = self.settings(slot)
        if not self.is_own:
            require_no_paths(part, slot, self.path)
        return part

    def settings(self, slot: str, *names: str) -> dict[str, Any]:
        """Return a part of the run's config, as it was saved.

        Args:
            slot: Its key, e.g. `crop`.
            names: Settings that it must have.

        Raises:
            InputError: If the config lacks it, or one of them.
        """
        part = self.config.get(slot)
        missing = [f"{slot}.{name}" for name in names if name not in part] if isinstance(part, dict) else [slot]
        if missing:
            raise InputError(
                f"{self.path}: its config lacks {', '.join(missing)}; the file was changed, or another version wrote "
                "it: give another, or train again."
            )
        return cast("dict[str, Any]", part)

    def load_into(self, model: nn.Module) -> nn.Module:
        """Put the weights into a network built from the run's config, and return it in evaluation mode.

        Raises:
            InputError: Naming the first layers that do not fit.
        """
        own = model.state_dict()
        wrong = [key for key, value in own.items() if key not in self.weights or self.weights[key].shape != value.shape]
        wrong += [key for key in self.weights if key not in own]
        if wrong:
            raise InputError(
                f"{self.path}: the weights do not fit the model of its config; first: {', '.join(wrong[:3])}."
            )
        odd = [f"{key} ({kind})" for key, value in own.items() if (kind := _oddity(self.weights[key], value))]
        if odd:
            raise InputError(
                f"{self.path}: its weights are no numbers that a network can predict with; first: "
                f"{', '.join(odd[:3])}. The training diverged, or the file was changed: give another checkpoint, or "
                "train again with a smaller optimizer.learning_rate."
            )
        model.load_state_dict(self.weights)
        return model.eval()


def _oddity(saved: Tensor, own: Tensor) -> str:
    """Return what keeps a saved tensor from becoming one of a network, "" where nothing does.

    Some kinds would be taken without a word: one without numbers leaves those that a new network drew.
    """
    if saved.is_meta:
        return "it holds no numbers"
    if saved.layout != torch.strided or saved.is_quantized or saved.is_complex():
        return f"{saved.dtype}, {saved.layout}"
    if saved.is_floating_point() != own.is_floating_point():
        return f"{saved.dtype} in place of {own.dtype}"
    return "" if not saved.is_floating_point() or bool(torch.isfinite(saved).all()) else "not finite"


def checkpoint_of(path: str | Path) -> Path:
    """Return the checkpoint that a run folder or a file names.

    Raises:
        InputError: If there is none.
    """
    given = as_path(path).expanduser()
    if given.is_file():
        return given
    best = given / "checkpoints" / "best.ckpt"
    if best.is_file():
        return best
    if given.is_dir():
        raise InputError(f"{given}: expected checkpoints/best.ckpt in this run folder; no epoch was finished here yet.")
    raise InputError(f"{given}: no such run folder or checkpoint; give ckpt=RUN or ckpt=FILE.ckpt.")


def members_of(path: str | Path) -> list[Path]:
    """Return the runs that a path names for a prediction: of a finished cross-validation all folds, else itself.

    >>> members_of("RUN")
    [PosixPath('RUN')]
    """
    folder = as_path(path).expanduser()
    file = folder / "run.json"
    if not file.is_file():
        return [folder]
    try:
        members = read_json(file).get("ensemble", [])
    except (ValueError, AttributeError) as error:
        raise InputError(f"{file}: cannot be read ({error}); name the runs, ckpt=[{folder}/stages/0,…].") from error
    if not isinstance(members, list) or not all(isinstance(name, str) and STAGE.fullmatch(name) for name in members):
        raise InputError(
            f"{file}: 'ensemble' lists no stages of this chain; name the runs, ckpt=[{folder}/stages/0,…]."
        )
    return [folder / name for name in members] or [folder]


def read_saved_run(path: str | Path) -> SavedRun:
    """Read a run's best checkpoint, or any checkpoint file.

    Raises:
        InputError: If the file is missing, torn, no checkpoint of this package, could only be read by running code, or
            carries a config of more than plain values and parts that fill their slots.
    """
    file = checkpoint_of(path)
    try:
        content = load_plain(file)
    except UnreadableError as error:
        if isinstance(error.__cause__, PermissionError):
            raise InputError(
                f"{file}: cannot be read ({error.__cause__.strerror}); its owner may permit it (chmod g+r)."
            ) from error
        # torch's own words advise to read such files unsafely: they are not passed on.
        reason = str(error) if error.__cause__ is None else type(error.__cause__).__name__
        raise InputError(
            f"{file}: this is no checkpoint that can be read safely; it is torn, or holds more than tensors and plain "
            f"values ({reason}). Expected a .ckpt written by train.py; its code is never run. Where last.ckpt of a "
            "run is damaged, delete it: resume= goes on from best.ckpt."
        ) from error
    facts = content.get("hpa") if isinstance(content, dict) else None
    if not isinstance(facts, dict) or "state_dict" not in content:
        raise InputError(
            f"{file}: this is not a checkpoint of train.py (it carries no config); give ckpt=RUN or its .ckpt."
        )
    _require_facts(file, facts, content)
    return SavedRun(
        path=file,
        config=facts["config"],
        channels=tuple(facts["channels"]),
        class_names=tuple(facts["class_names"]),
        weights=_evaluated_weights(content["state_dict"]),
        epoch=int(content["epoch"]) + 1,
        levels=_levels_of(facts.get("levels")),
        is_own=is_own(facts["config"], facts.get("seal")),
    )


def _require_facts(file: Path, facts: dict[str, Any], content: dict[str, Any]) -> None:
    """Refuse a checkpoint whose config is not safe, or that lacks what every run has."""
    require_saved(facts.get("config"), str(file))
    require_plain(facts.get("levels"), str(file), "levels")
    wrong = [] if facts["config"].get("task", TASKS[0]) in TASKS else ["task"]
    for name in ("channels", "class_names"):
        listed = facts.get(name)
        if not isinstance(listed, list | tuple) or not all(map(_is_name, listed)) or len({*listed}) < len(listed):
            wrong.append(name)
    if not isinstance(content.get("epoch"), int):
        wrong.append("epoch")
    if not _holds_weights(content["state_dict"]):
        wrong.append("state_dict")
    if wrong:
        raise InputError(
            f"{file}: {', '.join(wrong)} is missing or of another kind than train.py writes; the file was changed, or "
            "another version wrote it."
        )


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()


def _holds_weights(state: object) -> bool:
    return isinstance(state, dict) and all(
        isinstance(key, str) and (isinstance(value, Tensor) or not key.startswith((_MODEL, _AVERAGED)))
        for key, value in state.items()
    )


def _levels_of(content: object) -> tuple[Levels, ...]:
    """Return the levels that a checkpoint keeps; those of before there were depths are one share a channel."""
    listed = content if isinstance(content, list) else [{"bright": content}]
    return tuple(levels for one in listed if (levels := Levels.from_json(one)) is not None)


def _evaluated_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    prefix = _AVERAGED if any(key.startswith(_AVERAGED) for key in state) else _MODEL
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
