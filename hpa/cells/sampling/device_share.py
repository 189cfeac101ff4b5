"""Devices that train together each take their own batches of an epoch, as many each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from torch import distributed

from hpa.core.errors import InputError

_Batch = TypeVar("_Batch")


def share_of_device(batches: Sequence[_Batch]) -> list[_Batch]:
    """Return the batches of this process; all of them where only one trains."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return list(batches)
    return share_of(batches, distributed.get_rank(), distributed.get_world_size())


def share_of(batches: Sequence[_Batch], device: int, device_count: int) -> list[_Batch]:
    """Return every so-manieth batch; a few at the end that cannot be shared evenly are left out of this epoch.

    >>> share_of("abcdefg", 1, 3)
    ['b', 'e']

    Raises:
        InputError: If there are fewer batches than devices.
    """
    if len(batches) < device_count:
        raise InputError(
            f"an epoch has {len(batches)} batches for {device_count} devices; give fewer trainer.devices or a smaller "
            "loading.batch_cells."
        )
    return list(batches[: len(batches) // device_count * device_count][device::device_count])
