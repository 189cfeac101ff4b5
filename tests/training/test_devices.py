"""The devices of a run: what a machine cannot give is refused before anything is made."""

import pytest

from hpa.core.errors import InputError
from hpa.training.devices import Devices


@pytest.mark.parametrize(
    ("devices", "words"),
    [(-1, "means all GPUs"), (1000, r"trainer.devices=1000: on a CPU each is a process, .* or fewer")],
)
def test_processes_that_a_cpu_has_no_cores_for_are_refused(devices, words):
    with pytest.raises(InputError, match=words):
        Devices("cpu", devices, 1, "auto", "fp32").require()


def test_two_processes_train_on_any_cpu():
    Devices("cpu", 2, 1, "auto", "fp32").require()
