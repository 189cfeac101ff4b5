"""The configs of `train.py` and `infer.py` composed and checked as their command lines are, for callers in Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from omegaconf import DictConfig, OmegaConf

from hpa.app.habits import with_own_words
from hpa.app.main import task_words
from hpa.config import Config, plain, require_task
from hpa.core.errors import InputError
from hpa.core.plugins import name_plugins
from hpa.overrides import choices_of, last_values
from hpa.suggestions import compose_or_suggest, unread_keys
from hpa.values import require_values


def train_config(root: Path, words: Sequence[str]) -> tuple[Config, dict[str, str]]:
    """Return the config of a training, and which file fills each slot.

    Raises:
        InputError: If a word does not fit, or a part serves another task.
    """
    own = with_own_words("train", words)
    composed = compose_or_suggest(root, "train", own)
    as_written = cast("Config", OmegaConf.to_container(composed, resolve=False))  # may refer to another task's values
    choices = choices_of(root, "train", own)
    require_task(as_written, choices)
    return _checked(root, "train", as_written, composed), choices


def infer_config(root: Path, words: Sequence[str]) -> Config:
    """Return the config of a prediction.

    Raises:
        InputError: If a word does not fit, or a run cannot be read.
    """
    own = with_own_words("infer", words)
    name_plugins(last_values(own, "plugins"))
    composed = compose_or_suggest(root, "infer", [*own, *task_words(own)])
    return _checked(root, "infer", cast("Config", OmegaConf.to_container(composed, resolve=False)), composed)


def _checked(root: Path, name: str, as_written: Config, composed: DictConfig) -> Config:
    if unread := unread_keys(root, name, as_written):
        raise InputError(" ".join(unread))
    config = plain(composed)
    require_values(config)
    return config
