"""Where a network runs, and in which numbers."""

from __future__ import annotations

import torch

from hpa.core.errors import InputError

DTYPES: dict[str, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def choose_device(name: str) -> torch.device:
    """Return the device of a name as torch writes it; "auto" takes the GPU where there is one.

    Raises:
        InputError: If torch knows no such device or this machine has none.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(
            f"device must be auto, cpu, cuda or cuda:<number> of a GPU that this machine has; came '{name}' "
            f"({str(error).splitlines()[0]}). Write device=auto to let it be found."
        ) from error
    return device


def choose_precision(name: str, device: torch.device) -> str:
    """Return the precision of a name; "auto" takes half precision on a GPU and full precision on a CPU.

    Half is fp16, not bf16: its three further bits keep apart confidences that the score must rank.

    Raises:
        InputError: If the precision has another name.
    """
    if name == "auto":
        return "fp16" if device.type == "cuda" else "fp32"
    if name not in DTYPES:
        raise InputError(f"precision must be auto, {', '.join(DTYPES)}; came '{name}'.")
    return name


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the context in which a network computes at a precision: "fp32", "bf16" or "fp16".

    Raises:
        InputError: If the precision has another name.
    """
    if precision not in DTYPES:
        raise InputError(f"precision must be one of {', '.join(DTYPES)}; came '{precision}'.")
    return torch.autocast(device.type, dtype=DTYPES[precision], enabled=precision != "fp32")
