"""The one LightningModule through the real trainer: learning, resuming, stopping on a loss that is not finite."""

import re
import shutil
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from pytorch_lightning import Callback, LightningDataModule
from torch import nn
from torch.utils.data import DataLoader, Dataset

from hpa.cells.sampling.sampler import BatchRequest, CellSampler
from hpa.core.errors import InputError
from hpa.core.seeding import seed_of
from hpa.interfaces import BatchAugmentation, CellBatch, CellOutput, StepResult, Supervision
from hpa.metrics.cell_validation import CellValidation
from hpa.metrics.localisation import Localisation
from hpa.models.saved_run import read_saved_run
from hpa.training.callbacks import RunProgress
from hpa.training.clipping import NormClipping
from hpa.training.fit import Fit, Patience
from hpa.training.module import TrainingModule
from hpa.training.optimization import Optimization
from hpa.training.schedule import Constant, WarmUpCosine

CLASSES = 3


class Patterns(Dataset):
    """Cells whose class is the channel that is bright; cell number decides the noise."""

    def __getitem__(self, request: BatchRequest) -> CellBatch:
        classes = torch.from_numpy(request.rows % CLASSES)
        targets = nn.functional.one_hot(classes, CLASSES).float()
        crops = torch.stack([self.crop(int(row), request.epoch) for row in request.rows])
        crops = crops + targets[:, :, None, None]
        images = torch.arange(len(request.rows))
        ones = torch.ones(len(images), dtype=torch.int64)
        return CellBatch(crops, images, torch.from_numpy(request.rows), ones, targets, targets)

    def crop(self, row: int, epoch: int) -> torch.Tensor:
        return torch.randn(CLASSES, 8, 8, generator=torch.Generator().manual_seed(seed_of(row, epoch)))


class PatternModule(LightningDataModule):
    """Two loaders of sixty and thirty cells."""

    def __init__(self, first_epoch: int = 0) -> None:
        super().__init__()
        self.first_epoch = first_epoch

    def loader(self, rows: np.ndarray, shuffle: bool) -> DataLoader:
        sampler = CellSampler(
            rows,
            rows,
            unit="cell",
            batch_cells=12,
            cells_per_image=1,
            seed=0,
            shuffle=shuffle,
            epoch=self.first_epoch,
        )
        return DataLoader(Patterns(), sampler=sampler, batch_size=None)

    def train_dataloader(self) -> DataLoader:
        return self.loader(np.arange(60), shuffle=True)

    def val_dataloader(self) -> DataLoader:
        return self.loader(np.arange(60, 90), shuffle=False)


class SmallNet(nn.Module):
    """One convolution, dropout (which draws random numbers), one linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(CLASSES, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Dropout(0.2))
        self.head = nn.Linear(8, CLASSES)

    def forward(self, batch: CellBatch) -> CellOutput:
        features = self.body(batch.crops).mean((2, 3))
        return CellOutput(features, self.head(features))


class Strategy(nn.Module, Supervision):
    """Two named terms, one scaled, so that the sum differs from its parts."""

    def __init__(self, spoil_at: int | None = None) -> None:
        super().__init__()
        self.spoil_at = spoil_at
        self.calls = 0

    def step(self, model: nn.Module, batch: CellBatch, progress: float) -> StepResult:
        assert 0 <= progress <= 1
        self.calls += 1
        output = model(batch)
        logits = output.logits
        loss = nn.functional.binary_cross_entropy_with_logits(logits, batch.image_targets)
        if self.calls == self.spoil_at:
            loss = loss * float("nan")
        return StepResult({"cells": loss, "size": 1e-3 * logits.pow(2).mean()}, output)


IDENTITY = {"config": {"a": 1}, "channels": ["x", "y", "z"], "class_names": ["p", "q", "r"]}


def make_module(
    strategy: nn.Module | None = None,
    average_decay: float = 0.9,
    augmentation: BatchAugmentation | None = None,
    **changes,
) -> TrainingModule:
    torch.manual_seed(0)
    settings = {
        "optimizer": partial(torch.optim.AdamW, betas=(0.9, 0.99)),
        "learning_rate": 0.02,
        "weight_decay": 0.01,
        "schedule": WarmUpCosine(0.1, 0.0),
        "clipping": NormClipping(1.0),
        "average_decay": average_decay,
    }
    optimization = Optimization(**(settings | changes))
    validation = CellValidation(Localisation("max", 0.5, "image_map"))
    return TrainingModule(SmallNet(), strategy or Strategy(), optimization, validation, IDENTITY, augmentation)


def make_fit(epochs: int, **changes) -> Fit:
    settings = {
        "max_epochs": epochs,
        "accelerator": "cpu",
        "devices": 1,
        "precision": "auto",
        "accumulate_batches": 1,
        "patience_epochs": None,
        "limit_batches": 1.0,
        "find_learning_rate": False,
        "deterministic": False,
    }
    return Fit(**(settings | changes))


def run(folder, epochs, module=None, checkpoint=None, stop_after=None, more=(), **changes):
    fit = make_fit(epochs, **changes)
    module = module or make_module()
    callbacks = fit.callbacks(folder, "val_image_map", seed=0, progress=RunProgress("cell", 60))
    trainer = fit.trainer([*callbacks, *more], [], folder)
    if stop_after is not None:
        trainer.fit_loop.max_epochs = epochs
        original = trainer.fit_loop.on_advance_end

        def stop() -> None:
            original()
            if trainer.current_epoch == stop_after:
                raise ConnectionError("killed")

        trainer.fit_loop.on_advance_end = stop
    first_epoch = read_saved_run(checkpoint).epoch if checkpoint else 0
    trainer.fit(module, PatternModule(first_epoch), ckpt_path=checkpoint, weights_only=True)
    return module, trainer


def test_it_learns_and_logs(tmp_path):
    run(tmp_path, 6)
    table = pd.read_csv(tmp_path / "metrics.csv")
    assert list(table.columns[:7]) == [
        "epoch", "step", "train_loss", "val_loss", "val_image_map", "val_cell_map", "seconds",
    ]  # fmt: skip
    assert list(table["epoch"]) == [1, 2, 3, 4, 5, 6]
    assert list(table["step"]) == [5, 10, 15, 20, 25, 30]
    assert table["train_loss"].iloc[-1] < 0.5 * table["train_loss"].iloc[0]
    assert table["val_image_map"].max() > 0.9
    np.testing.assert_allclose(table["train_loss"], table["train_loss_cells"] + table["train_loss_size"], rtol=1e-5)


def test_a_killed_run_ends_as_the_undisturbed_one(tmp_path):
    whole, _ = run(tmp_path / "whole", 5)
    with pytest.raises(ConnectionError):
        run(tmp_path / "cut", 5, stop_after=2)
    resumed, _ = run(tmp_path / "cut", 5, checkpoint=tmp_path / "cut" / "checkpoints" / "last.ckpt")
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    one, other = (pd.read_csv(tmp_path / name / "metrics.csv").drop(columns="seconds") for name in ("whole", "cut"))
    pd.testing.assert_frame_equal(one, other)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_epoch(tmp_path):
    spoiling = make_module(Strategy(spoil_at=17))  # 5 + 3 calls an epoch: the first call of the third
    with pytest.raises(InputError, match=r"not finite in epoch 3 \(cells nan.*learning_rate"):
        run(tmp_path, 4, module=spoiling)
    saved = read_saved_run(tmp_path / "checkpoints" / "last.ckpt")
    assert saved.epoch == 2
    assert all(value.isfinite().all() for value in saved.weights.values())


@pytest.mark.parametrize(
    ("value", "came"), [(torch.ones(32), r"shape \(32,\)"), (torch.ones(1), r"shape \(1,\)"), (0.5, "a float")]
)
def test_a_loss_that_is_no_single_number_is_refused(value, came, monkeypatch):
    strategy = Strategy()
    monkeypatch.setattr(strategy, "step", lambda *_: SimpleNamespace(terms={"cells": value}, output=None))
    module = make_module(strategy)
    monkeypatch.setattr(module, "_progress", lambda: 0.0)
    for step in (module.training_step, module.validation_step):
        with pytest.raises(InputError, match=rf"must return one number.*came {came} \(term cells\)"):
            step(None, 0)


def test_the_bar_ends_at_what_the_epochs_showed(tmp_path, capsys):
    progress = RunProgress("cell", 57)  # 24 in two batches, not 23
    fit = make_fit(2, limit_batches=2)
    trainer = fit.trainer([progress], [], tmp_path)
    trainer.fit(make_module(), PatternModule(0))
    lines = re.split(r"[\r\n]+", capsys.readouterr().err)
    bars = [line for line in lines if " cell" in line]
    assert "epoch 1/2:   0%" in bars[0]
    assert not any(": :" in line for line in bars)
    seen = {tuple(map(int, re.findall(r"(\d+)/(\d+) \[", line)[0])) for line in bars}
    assert all(shown <= total for shown, total in seen)
    assert max(seen) == (48, 48)


def test_the_checkpoint_holds_the_average_and_works_alone(tmp_path):
    module, _ = run(tmp_path, 2)
    saved = read_saved_run(tmp_path / "checkpoints" / "last.ckpt")
    assert (saved.config, saved.channels, saved.class_names) == ({"a": 1}, ("x", "y", "z"), ("p", "q", "r"))
    fresh = saved.load_into(SmallNet())
    torch.testing.assert_close(fresh.head.weight, module.average.model.head.weight)
    assert not torch.equal(fresh.head.weight, module.model.head.weight)


def test_without_an_average_the_plain_weights_are_saved(tmp_path):
    module, _ = run(tmp_path, 1, module=make_module(average_decay=0.0))
    saved = read_saved_run(tmp_path / "checkpoints" / "last.ckpt")
    torch.testing.assert_close(saved.load_into(SmallNet()).head.weight, module.model.head.weight)


def test_weights_of_another_network_are_refused(tmp_path):
    run(tmp_path, 1)
    with pytest.raises(InputError, match=r"do not fit.*body\.0"):
        read_saved_run(tmp_path / "checkpoints" / "last.ckpt").load_into(
            nn.ModuleDict({"body": nn.Sequential(nn.Linear(1, 1))})
        )


def test_the_range_test_suggests_a_rate_and_leaves_the_module_alone(tmp_path):
    module = make_module()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    rate = make_fit(1).suggest_learning_rate(module, PatternModule(), tmp_path)
    assert 1e-7 < rate < 1
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


def test_accumulated_batches_make_one_step(tmp_path):
    module, trainer = run(tmp_path, 1, accumulate_batches=2)
    assert trainer.global_step == 3
    assert int(module.average.updates) == 3


def test_patience_ends_a_run_early(tmp_path):
    _, trainer = run(tmp_path, 30, patience_epochs=1)
    assert trainer.current_epoch < 30


class Brighter:
    """Adds a random number to every crop, and remembers how many batches it saw."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, batch: CellBatch) -> CellBatch:
        self.calls += 1
        return replace(batch, crops=batch.crops + torch.rand(()))


def test_batches_are_changed_in_training_alone_and_a_resumed_run_changes_them_alike(tmp_path):
    def module() -> TrainingModule:
        return make_module(augmentation=Brighter())

    whole, plain = module(), make_module()
    run(tmp_path / "whole", 3, whole)
    run(tmp_path / "plain", 3, plain)
    assert whole.batch_augmentation.calls == 3 * 5
    assert not torch.equal(whole.model.head.weight, plain.model.head.weight)
    with pytest.raises(ConnectionError):
        run(tmp_path / "cut", 3, module(), stop_after=1)
    resumed, _ = run(tmp_path / "cut", 3, module(), checkpoint=tmp_path / "cut" / "checkpoints" / "last.ckpt")
    assert torch.equal(whole.model.head.weight, resumed.model.head.weight)


class Watch(Callback):
    """Notes the optimizer's settings at the first step of a resumed run."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        if not hasattr(self, "seen"):
            (optimizer,) = trainer.optimizers
            self.seen = [{key: value for key, value in g.items() if key != "params"} for g in optimizer.param_groups]


def first_step_of_resumed(folder, **changes) -> list[dict]:
    """Train two epochs of four, resume with changed settings, and return those of the optimizer."""
    if not (folder / "checkpoints").exists():
        with pytest.raises(ConnectionError):
            run(folder, 4, stop_after=2)
    watch = Watch()
    run(folder, 4, make_module(**changes), folder / "checkpoints" / "last.ckpt", more=[watch])
    return watch.seen


def test_a_resumed_run_uses_the_settings_of_its_config(tmp_path):
    with pytest.raises(ConnectionError):
        run(tmp_path / "cut", 4, stop_after=2)

    def resumed(name: str, **changes) -> list[dict]:
        shutil.copytree(tmp_path / "cut", tmp_path / name)
        return first_step_of_resumed(tmp_path / name, **changes)

    same = resumed("same")
    assert [group["weight_decay"] for group in same] == [0.01, 0.0]
    rate = resumed("rate", learning_rate=0.002)
    for one, other in zip(same, rate, strict=True):
        assert other["lr"] == pytest.approx(one["lr"] / 10)
        assert other["initial_lr"] == 0.002
    assert [group["weight_decay"] for group in resumed("decay", weight_decay=0.3)] == [0.3, 0.0]
    betas = resumed("betas", optimizer=partial(torch.optim.AdamW, betas=(0.5, 0.9), eps=1e-3))
    assert {(group["betas"], group["eps"]) for group in betas} == {((0.5, 0.9), 1e-3)}
    constant = resumed("constant", schedule=Constant())
    assert {group["lr"] for group in constant} == {0.02}


def test_a_resumed_run_waits_as_long_as_its_own_patience_says(tmp_path):
    with pytest.raises(ConnectionError):
        run(tmp_path, 6, stop_after=2, patience_epochs=1)
    _, trainer = run(tmp_path, 6, checkpoint=tmp_path / "checkpoints" / "last.ckpt", patience_epochs=50)
    assert trainer.current_epoch == 6
    assert [callback.patience for callback in trainer.callbacks if isinstance(callback, Patience)] == [50]


def test_a_checkpoint_restores_no_part_whose_values_may_change(tmp_path):
    """Else a new value of such a part would be overwritten by the one of the checkpoint."""
    module, trainer = run(tmp_path, 1)
    assert {name.partition(".")[0] for name in module.state_dict()} == {"model", "average"}
    saved = torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)
    assert {*saved["callbacks"]} == {"MetricsTable", "RunCheckpoints"}
    assert len(trainer.callbacks) > 2
