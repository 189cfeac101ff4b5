"""The devices of a run: how many, how they share the work, in which numbers they compute."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import torch
from lightning_fabric.plugins.environments.lightning import LightningEnvironment
from lightning_fabric.utilities.exceptions import MisconfigurationException
from pytorch_lightning import Trainer
from pytorch_lightning.strategies import DDPStrategy, ModelParallelStrategy

from hpa.core.errors import InputError
from hpa.device import OF_LIGHTNING, choose_device
from hpa.training.launch import Launch

PRECISIONS: Mapping[str, str] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}
"""Lightning's names of the precisions of infer.py."""
LIGHTNING_PRECISIONS: tuple[str, ...] = ("32-true", "bf16-mixed", "16-mixed", "bf16-true", "16-true", "64-true")
_OF_TORCH = ("auto", "cpu", "gpu", "cuda", "mps")


@dataclass(frozen=True)
class Devices:
    """Where a run is trained.

    Attributes:
        accelerator: "auto" takes a GPU if there is one; "cpu", "gpu", "mps".
        devices: How many, or which as [1]; -1 and "auto" take all GPUs. Each has a process of its own, on a CPU too.
        nodes: Machines.
        strategy: How several devices share the work; "auto" is "ddp".
        precision: Of infer.py or of Lightning, or "auto".
    """

    accelerator: str
    devices: int | list[int] | Literal["auto"]
    nodes: int
    strategy: Literal["auto", "ddp", "fsdp"]
    precision: str

    def require(self) -> None:
        """Refuse devices or a precision that there are none of, before anything is made.

        Raises:
            InputError: Naming the setting and what to write.
        """
        precision = self.lightning_precision()
        if self.accelerator in _OF_TORCH:
            choose_device(self.accelerator, "trainer.accelerator")
        if self._type() == "cpu" and self.devices == -1:
            raise InputError(
                "trainer.devices=-1 means all GPUs, and there is none; on a CPU write how many processes train, e.g. "
                "trainer=ddp_spawn_cpu trainer.devices=2."
            )
        cores = max(2, os.cpu_count() or 1)
        if self._type() == "cpu" and self.count > cores:
            raise InputError(
                f"trainer.devices={self.devices}: on a CPU each is a process, and this machine has {cores} cores for "
                f"them; write {cores} or fewer."
            )
        try:
            Trainer(accelerator=self.accelerator, devices=self.devices, precision=precision, barebones=True)
        except (MisconfigurationException, ValueError, RuntimeError) as error:
            raise InputError(
                f"trainer.accelerator={self.accelerator} trainer.devices={self.devices} trainer.precision={precision}: "
                f"{str(error).splitlines()[0]} trainer.accelerator=auto takes what there is."
            ) from error

    @property
    def count(self) -> int:
        """Devices of this machine, each with a process."""
        if isinstance(self.devices, list):
            return len(self.devices)
        if self.devices in (-1, "auto"):
            return torch.cuda.device_count() if self._type() == "cuda" else 1
        return int(self.devices)

    @property
    def are_several(self) -> bool:
        """Whether several processes train the run together."""
        return self.count * self.nodes > 1

    def lightning_strategy(self) -> Any:
        """Return how the processes share the work."""
        if not self.are_several:
            return "auto"
        if self.strategy == "fsdp":
            return ModelParallelStrategy(self.count * self.nodes, 1, save_distributed_checkpoint=False)
        # strategies leave parameters unused in some steps; buffers are shared before validation, not in every step
        return DDPStrategy(find_unused_parameters=True, broadcast_buffers=False)

    def environment(self) -> list[LightningEnvironment]:
        """Return how the processes find each other where the first one starts the others."""
        return [LightningEnvironment()] if self.are_several and Launch.of_this_process() is None else []

    def lightning_precision(self) -> Any:
        """Return Lightning's name of the precision.

        Raises:
            InputError: If it has no such name.
        """
        if self.precision == "auto":
            if self._type() != "cuda":
                return "32-true"
            return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
        own = OF_LIGHTNING.get(str(self.precision), self.precision)
        name = PRECISIONS.get(own, own)
        if name not in LIGHTNING_PRECISIONS:
            raise InputError(
                f"trainer.precision must be auto, {', '.join(PRECISIONS)}, or one of Lightning's "
                f"({', '.join(LIGHTNING_PRECISIONS)}); came '{self.precision}'."
            )
        return name

    def _type(self) -> str:
        name = self.accelerator
        return choose_device(name, "trainer.accelerator").type if name in _OF_TORCH else name
