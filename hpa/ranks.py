"""What the processes of one training share, each on its own device; where only one trains, these do nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import torch
from torch import Tensor, distributed, nn

from hpa.core.errors import InputError

T = TypeVar("T")


def is_first() -> bool:
    """Return whether this process writes: the only one, or the first of several."""
    return not _are_several() or distributed.get_rank() == 0


def gathered(value: T) -> list[T]:
    """Return the values of all processes, in the order of their ranks; every process calls this."""
    if not _are_several():
        return [value]
    values: list[T | None] = [None] * distributed.get_world_size()
    distributed.all_gather_object(values, value)
    return [one for one in values if one is not None]


def gathered_tensors(*tensors: Tensor) -> list[tuple[Tensor, ...]]:
    """Return the tensors of all processes, of any shape, where those of this process are; every process calls this."""
    if not _are_several():
        return [tensors]
    pieces = gathered([tensor.cpu() for tensor in tensors])
    return [tuple(one.to(own.device) for one, own in zip(piece, tensors, strict=True)) for piece in pieces]


@torch.no_grad()
def share_buffers(module: nn.Module) -> None:
    """Give every process the buffers of the first: running statistics, averages, what a strategy remembers."""
    if _are_several():
        for buffer in module.buffers():
            distributed.broadcast(buffer, 0)


def share_of_device(batches: Sequence[T], may_repeat: bool) -> list[T]:
    """Return the batches of this process; all of them where only one trains.

    Args:
        batches: Those of an epoch, the same ones in every process.
        may_repeat: Of validation: all batches are dealt out, some processes get one more, and where there are fewer
            batches than processes each gets all. Else every process gets equally many, none of them twice.
    """
    if not _are_several():
        return list(batches)
    rank, count = distributed.get_rank(), distributed.get_world_size()
    if may_repeat:
        return list(batches[rank::count] if len(batches) >= count else batches)
    return share_of(batches, rank, count)


def share_of(batches: Sequence[T], device: int, device_count: int) -> list[T]:
    """Return the batches of one device; the last ones that cannot be shared evenly are left out of this epoch.

    >>> share_of("abcdefg", 1, 3)
    ['b', 'e']

    Raises:
        InputError: If there are fewer batches than devices.
    """
    if len(batches) < device_count:
        raise InputError(
            f"an epoch has {len(batches)} batches for {device_count} devices; give fewer trainer.devices or a smaller "
            "batch (loading.batch_cells, loading.batch_tiles)."
        )
    return list(batches[: len(batches) // device_count * device_count][device::device_count])


def _are_several() -> bool:
    return distributed.is_available() and distributed.is_initialized()
