from pathlib import Path
from types import SimpleNamespace

import pytest
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import RichProgressBar
from pytorch_lightning.strategies import DDPStrategy

from hpa.core.errors import InputError
from hpa.training.callbacks import RunProgress
from hpa.training.fit import Fit
from hpa.training.more_callbacks import EarlyStop, RichProgress, StepCheckpoints
from hpa.training.patience import Patience


def fit(devices=1, accelerator="cpu", precision="32-true", **changes) -> Fit:
    return Fit(1, accelerator, devices, precision, 1, None, 1.0, False, False, **changes)


@pytest.mark.parametrize("devices", [0, -2, []])
def test_no_device_is_refused(devices):
    with pytest.raises(InputError, match=r"trainer\.devices: no device would train"):
        fit(devices)


@pytest.mark.parametrize(("devices", "count"), [(1, 1), ([0], 1), (2, 2), ([0, 1], 2), ("auto", 1)])
def test_devices_are_counted_on_a_cpu(devices, count):
    of_run = fit(devices).devices
    assert of_run.count == count
    assert of_run.are_several is (count > 1)
    assert isinstance(of_run.lightning_strategy(), DDPStrategy) is (count > 1)
    assert fit(1, nodes=2).devices.are_several


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"accelerator": "gpu"}, r"trainer\.accelerator=gpu: this machine has no such device"),
        ({"accelerator": "abacus"}, r"trainer\.accelerator=auto takes what there is"),
        ({"devices": -1}, r"write how many processes train"),
        ({"accelerator": "mps"}, r"no Apple GPU is here"),
        ({"precision": "half"}, r"trainer\.precision must be auto, fp32, bf16, fp16"),
    ],
)
def test_devices_that_there_are_none_of_are_named(settings, words):
    with pytest.raises(InputError, match=words):
        fit(**settings).require_devices()


@pytest.mark.parametrize(("ours", "theirs"), [("fp32", "32-true"), ("bf16", "bf16-mixed"), ("16-mixed", "16-mixed")])
def test_precision_has_the_names_of_prediction_too(ours, theirs):
    assert fit(precision=ours).devices.lightning_precision() == theirs


def test_arguments_of_the_trainer_are_passed_on(tmp_path):
    trainer = fit(arguments={"limit_train_batches": 3, "max_steps": 7}).trainer([], [], tmp_path)
    assert isinstance(trainer, Trainer)
    assert (trainer.limit_train_batches, trainer.max_steps) == (3, 7)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gradient_clip_val", r"write optimizer/clipping=norm"),
        ("limit_train_batch", r"no such argument; there are limit_train_batches"),
    ],
)
def test_arguments_that_stand_elsewhere_or_nowhere_are_refused(name, words):
    with pytest.raises(InputError, match=words):
        fit(arguments={name: 1})


def test_an_argument_that_lightning_refuses_is_named(tmp_path):
    with pytest.raises(InputError, match=r"trainer\.limit_train_batches=1\.5"):
        fit(arguments={"limit_train_batches": 1.5}).trainer([], [], tmp_path)


def test_chosen_callbacks_stand_before_the_table_and_a_bar_replaces_the_own_one(tmp_path):
    progress = RunProgress("cell", 1)
    more = [EarlyStop(3, 0.0, None), StepCheckpoints(10), RichProgress()]
    callbacks = fit().callbacks(tmp_path, "val_image_map", 0, progress, more)
    assert progress not in callbacks
    assert any(isinstance(one, Patience) and one.monitor == "val_image_map" and one.patience == 3 for one in callbacks)
    assert Path(next(one.dirpath for one in callbacks if hasattr(one, "dirpath"))) == tmp_path / "checkpoints"


@pytest.mark.parametrize("max_epochs", [0, -1, 10**6, 1 << 70])
def test_a_number_of_epochs_that_is_none_is_refused(max_epochs):
    with pytest.raises(InputError, match=r"trainer\.max_epochs=.*: a number of epochs from 1 is expected"):
        Fit(max_epochs, "cpu", 1, "32-true", 1, None, 1.0, False, False)


def test_the_coloured_bar_counts_epochs_from_1():
    bar = RichProgress()
    bar._trainer = SimpleNamespace(max_epochs=3)
    named = [name for name, value in vars(RichProgress).items() if callable(value)]
    assert named == [name for name in named if hasattr(RichProgressBar, name)], "Lightning calls it otherwise now"
    assert [getattr(bar, named[0])(epoch).strip() for epoch in (0, 2)] == ["epoch 1/3", "epoch 3/3"]
