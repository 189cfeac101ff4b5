"""Weights, gradients and the optimizer's state spread over several devices (`trainer=fsdp`).

Fully sharded data parallel (Zhao et al. 2023, arXiv:2304.11277) in torch's second form, which keeps the shapes of
parameters: weight decay, clipping and the moving average see what they see on one device.
"""

from __future__ import annotations

from dataclasses import dataclass

from pytorch_lightning import Trainer
from pytorch_lightning.strategies import ModelParallelStrategy
from torch import nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import fully_shard, register_fsdp_forward_method

from hpa.ranks import gathered


def mesh_of(trainer: Trainer) -> DeviceMesh | None:
    """Return the devices that a trainer spreads weights over, None where each device has all."""
    strategy = trainer.strategy
    return strategy.device_mesh["data_parallel"] if isinstance(strategy, ModelParallelStrategy) else None


@dataclass(frozen=True)
class Company:
    """How long a process keeps computing in validation: weights of each are needed by the one with most batches.

    Attributes:
        own: Batches of this process.
        more: Batches that another one has beyond that, where weights are sharded.
    """

    own: int
    more: int

    @classmethod
    def of(cls, trainer: Trainer) -> Company:
        """Return that of a validation which begins; every process calls this."""
        own = int(sum(trainer.num_val_batches))
        return cls(own, 0 if mesh_of(trainer) is None else max(gathered(own)) - own)

    def batches_after(self, batch_index: int) -> int:
        """Return how many batches of others are accompanied after an own one."""
        return self.more if batch_index + 1 == self.own else 0


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
