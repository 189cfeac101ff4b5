"""Weights, gradients and the optimizer's state spread over several devices (`trainer=fsdp`).

Fully sharded data parallel (Zhao et al. 2023, arXiv:2304.11277) in torch's second form, which keeps the shapes of
parameters: weight decay, clipping and the moving average see what they see on one device.
"""

from __future__ import annotations

from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method


def shard(module: nn.Module, mesh: DeviceMesh, steps: tuple[str, ...]) -> None:
    """Spread a module's parameters over the devices of a mesh, in place.

    The parameters of a block (an item of a sequence or a list that has modules of its own) are gathered while it
    computes, all others during a step.

    Args:
        module: All that is trained, on its device.
        mesh: One dimension, of all devices.
        steps: Names of the methods that compute with its parameters.
    """
    for parameter in module.parameters():
        parameter.data = parameter.data.contiguous()  # torch shards no weights in channels-last order
    blocks = [
        block
        for sequence in module.modules()
        if isinstance(sequence, nn.Sequential | nn.ModuleList)
        for block in sequence
        if next(block.children(), None) is not None and next(block.parameters(), None) is not None
    ]
    for block in reversed(list(dict.fromkeys(blocks))):  # inner ones first
        fully_shard(block, mesh=mesh)
    fully_shard(module, mesh=mesh)
    for name in steps:
        register_fsdp_forward_method(module, name)
