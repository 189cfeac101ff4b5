"""A network of a config is built only while it stays below a size: configs and checkpoints may come from strangers."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from hpa.core.errors import InputError

_LIMIT_VARIABLE = "HPA_MAX_PARAMETERS"
_MAX_PARAMETERS = 2_000_000_000
"""8 GB in fp32; the largest networks of the field, ViT-g/14 and SAM ViT-H, have 1.1 and 0.6 billion."""
_MAX_LAYERS = 100_000
_MAKERS = frozenset((torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn, torch.full))


class bounded_network(TorchFunctionMode):  # noqa: N801 - read as `with bounded_network(config):`
    """In here the network of a slot `model` is built; its tensors are counted before they take memory.

    Args:
        config: The slot, for the message.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        self._config = config
        self._limit = max_parameters()
        self._elements = 0
        self._tensors = 0

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run a function of torch, unless it makes a tensor too many.

        Raises:
            InputError: If it does.
        """
        del types
        named = dict(kwargs or {})
        if func in _MAKERS:
            shape = named.get("size", args[0] if args and not isinstance(args[0], int) else args)
            self._elements += math.prod(int(side) for side in shape)
            self._tensors += 1
            if self._elements > self._limit:
                raise InputError(_in_words(self._config, f"{self._elements:,} parameters or more"))
            if self._tensors > _MAX_LAYERS:
                raise InputError(_in_words(self._config, f"more than {_MAX_LAYERS:,} layers"))
        return func(*args, **named)


def max_parameters() -> int:
    """Return the limit.

    Raises:
        InputError: If the variable holds no positive whole number.
    """
    text = os.environ.get(_LIMIT_VARIABLE, str(_MAX_PARAMETERS))
    if not text.isascii() or not text.isdigit() or not 0 < len(text) < 16 or int(text) == 0:
        raise InputError(f"{_LIMIT_VARIABLE}={text}: a number of parameters is expected, e.g. {_MAX_PARAMETERS}.")
    return int(text)


def _in_words(config: Mapping[str, Any], came: str) -> str:
    given = {key: value for key, value in config.items() if not key.startswith("_") and value not in (None, False)}
    values = ", ".join(f"model.{key}={value}" for key, value in given.items())
    return (
        f"model=: the network would have {came}, the limit is {max_parameters():,} ({values[:300]}). "
        f"Choose a smaller one; where it is meant, raise the limit: {_LIMIT_VARIABLE}=N."
    )
