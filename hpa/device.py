"""Which device a network runs on, and in which numbers: the one place where either is chosen."""

from __future__ import annotations

from pathlib import Path

import torch

from hpa.core.errors import InputError

DTYPES: dict[str, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
OF_LIGHTNING = {"32-true": "fp32", "bf16-mixed": "bf16", "16-mixed": "fp16", "32": "fp32", "16": "fp16"}
"""Lightning's words for the same, old ones too."""
CPU_INFO = Path("/proc/cpuinfo")


def has_gpu() -> bool:
    """Return whether this machine has a GPU that torch can use."""
    return torch.cuda.is_available()


def choose_device(name: str, key: str = "device") -> torch.device:
    """Return the device of a name: of torch ("cpu", "cuda:1"), of Lightning ("gpu"), or "auto" for a GPU if any.

    Args:
        name: As a config says it, in `device`, `segmenter.device` or `trainer.accelerator`.
        key: The setting, for the message.

    Raises:
        InputError: If torch knows no such device or this machine has none.
    """
    if name == "auto":
        return torch.device("cuda" if has_gpu() else "cpu")
    try:
        device = torch.device("cuda" if name == "gpu" else name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = "no Apple GPU is here" if name == "mps" else str(error).splitlines()[0].partition(". ")[0]
        raise InputError(
            f"{key}={name}: this machine has no such device ({reason}). Write {key}=auto to take what there is, cpu, "
            "cuda or cuda:<number>."
        ) from error
    return device


def choose_precision(name: str, device: torch.device) -> str:
    """Return the precision of a name, ours or Lightning's; "auto" takes the fastest that leaves the score as it is.

    On a GPU that is fp16, whose three further bits keep apart confidences that the score must rank. On a CPU it is
    bf16 where the processor multiplies bf16 itself, which takes half the time, and full precision elsewhere.

    Raises:
        InputError: If the precision has another name.
    """
    if name == "auto":
        if device.type == "cuda":
            return "fp16"
        return "bf16" if multiplies_bf16(CPU_INFO) else "fp32"
    own = OF_LIGHTNING.get(str(name), name)
    if own not in DTYPES:
        raise InputError(f"precision must be auto, {', '.join(DTYPES)}; came '{name}'.")
    return own


def autocast(device: torch.device, precision: str) -> torch.autocast:
    """Return the context in which a network computes at a precision: "fp32", "bf16" or "fp16".

    Raises:
        InputError: If the precision has another name.
    """
    if precision not in DTYPES:
        raise InputError(f"precision must be one of {', '.join(DTYPES)}; came '{precision}'.")
    return torch.autocast(device.type, dtype=DTYPES[precision], enabled=precision != "fp32")


def multiplies_bf16(cpu_info: Path) -> bool:
    """Return whether the processor multiplies bf16 in hardware (AVX512-BF16), as Linux reports it.

    Elsewhere bf16 is computed by way of fp32, which gains little; without that file the answer is no.
    """
    return cpu_info.is_file() and "avx512_bf16" in cpu_info.read_text(encoding="utf-8", errors="replace").split()
