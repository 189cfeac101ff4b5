"""Our training step against a bare PyTorch loop on the same model, batches and optimizer: the frame's own cost."""

from __future__ import annotations

import statistics
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from pytorch_lightning import LightningDataModule, Trainer
from torch import nn
from torch.utils.data import DataLoader, Dataset

from benchmarks.networks import timed_network
from benchmarks.row import Row
from hpa.cells.sampling.sampler import BatchRequest, CellSampler
from hpa.interfaces import CellBatch
from hpa.losses.focal import FocalLoss
from hpa.metrics.cell_validation import CellValidation
from hpa.metrics.localisation import Localisation
from hpa.supervision.propagation import PropagationSupervision
from hpa.training.callbacks import RunProgress
from hpa.training.clipping import NormClipping
from hpa.training.fit import Fit
from hpa.training.module import TrainingModule
from hpa.training.optimization import Optimization
from hpa.training.schedule import WarmUpCosine

SIDE_PX, BATCH_CELLS, STEPS, CLASSES, CHANNELS, ROUNDS = 96, 48, 8, 19, 4, 3


class _Noise(Dataset[CellBatch]):
    """The same batch again and again: loading costs nothing on either side."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        crops = torch.rand(BATCH_CELLS, CHANNELS, SIDE_PX, SIDE_PX, generator=generator)
        targets = (torch.rand(BATCH_CELLS, CLASSES, generator=generator) < 0.1).float()
        number = torch.arange(BATCH_CELLS)
        self.batch = CellBatch(crops, number, number, torch.ones(BATCH_CELLS, dtype=torch.int64), targets)

    def __getitem__(self, request: BatchRequest) -> CellBatch:
        return self.batch


class _NoiseModule(LightningDataModule):
    def train_dataloader(self) -> DataLoader[CellBatch]:
        rows = np.arange(BATCH_CELLS * STEPS)
        sampler = CellSampler(rows, rows, unit="cell", batch_cells=BATCH_CELLS, cells_per_image=1, seed=0, shuffle=True)
        return DataLoader(_Noise(), sampler=sampler, batch_size=None)


class _EpochClock(RunProgress):
    """The bar of a run, which also writes down the seconds of each epoch."""

    def __init__(self) -> None:
        super().__init__("cell", BATCH_CELLS * STEPS)
        self.seconds: list[float] = []

    def on_train_epoch_start(self, trainer: Trainer, pl_module: object) -> None:  # noqa: ARG002
        self._began = time.perf_counter()

    def on_train_batch_end(self, trainer: Trainer, *arguments: object, **named: object) -> None:
        super().on_train_batch_end(trainer, *arguments, **named)  # type: ignore[arg-type]
        if trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            self.seconds.append(time.perf_counter() - self._began)


def focal() -> FocalLoss:
    """Build the loss that is timed."""
    return FocalLoss(gamma=2.0, alpha=None, class_weights=None)


def _bare_epochs() -> list[float]:
    """Return seconds of each epoch of a loop anybody would write, gradient clipping included."""
    model, loss, batch = timed_network("resnet18", CHANNELS, CLASSES).train(), focal(), _Noise().batch
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    seconds = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        for _ in range(STEPS):
            optimizer.zero_grad()
            loss(model(batch).logits, batch.image_targets[batch.image_of_cell]).backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        seconds.append(time.perf_counter() - began)
    return seconds[1:]


def _our_epochs() -> list[float]:
    """Return seconds of each epoch of the framework: logging, averaging of weights, schedule and bar included."""
    optimization = Optimization(
        partial(torch.optim.AdamW, betas=(0.9, 0.999)), 1e-3, 0.05, WarmUpCosine(0.05, 0.01), NormClipping(1.0), 0.99
    )
    validation = CellValidation(Localisation("max", 0.5, "image_map"))
    strategy = PropagationSupervision(loss=focal(), smoothing=0.0)
    module = TrainingModule(
        timed_network("resnet18", CHANNELS, CLASSES), strategy, optimization, validation, identity={}
    )
    clock = _EpochClock()
    with tempfile.TemporaryDirectory() as folder:
        fit = Fit(ROUNDS + 1, "cpu", 1, "32-true", 1, None, 1.0, False, False)
        trainer = fit.trainer([clock], [], Path(folder))
        trainer.fit(module, _NoiseModule())
    return clock.seconds[1:]


def measure() -> list[Row]:
    """Compare the two, alternating, so that a busy machine slows both."""
    bare, ours = [], []
    for _ in range(2):
        bare += _bare_epochs()
        ours += _our_epochs()
    ours_s, bare_s = statistics.median(ours) / STEPS, statistics.median(bare) / STEPS
    name = f"training step against a bare PyTorch loop, ResNet-18, {SIDE_PX} px, batch {BATCH_CELLS}"
    return [Row(name, 1e3 * ours_s, 1e3 * bare_s, bare_s / ours_s, "ms")]
