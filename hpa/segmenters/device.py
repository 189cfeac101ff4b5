"""Where a segmenter's network runs."""

from __future__ import annotations

import torch

from hpa.core.errors import InputError


def device_of(name: str) -> torch.device:
    """Return the device of a name; `auto` is the GPU where there is one.

    Raises:
        InputError: If this machine has none such.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise InputError(
            f"segmenter.device must be auto, cpu or a GPU of this machine, e.g. cuda; came '{name}'. Write auto."
        ) from error
