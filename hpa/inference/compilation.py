"""A network compiled for this machine: layers fused, memory planned, one kernel where eager execution runs several.

By TorchInductor (Ansel et al., 2024, "PyTorch 2", ASPLOS).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from hpa.core.errors import InputError

COMPILERS = ("g++", "clang++")


def compiled(model: nn.Module, device: torch.device) -> Callable[..., Any]:
    """Return the model's call compiled at its first use, for batches of any length; the model itself stays as it is.

    Raises:
        InputError: If kernels for a CPU are wanted and no C++ compiler is there.
    """
    if device.type == "cpu" and not any(shutil.which(name) for name in COMPILERS):
        raise InputError(
            f"compile=true needs a C++ compiler ({' or '.join(COMPILERS)}) and none was found; install one, or go on "
            "with compile=false, which gives the same scores more slowly."
        )
    return torch.compile(model, dynamic=True)
