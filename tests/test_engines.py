"""Engines start processes that are handed settings; a killed one is named, and the others go on."""

import logging
import os
import signal

import pytest

from hpa.core.errors import InputError
from hpa.engines.local import LocalEngine
from hpa.engines.submitit_jobs import SubmititEngine


def write_threads(settings):
    import torch

    (settings["folder"] / f"{os.getpid()}").write_text(str(torch.get_num_threads()))
    return settings["code"]


def die(settings):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_local_processes_divide_the_cores_and_return_their_codes(tmp_path):
    assert LocalEngine(2, 1).run(write_threads, {"folder": tmp_path, "code": 3}) == [3, 3]
    assert [path.read_text() for path in tmp_path.iterdir()] == ["1", "1"]


@pytest.mark.slow
def test_a_killed_process_is_named(caplog):
    with caplog.at_level(logging.WARNING):
        assert LocalEngine(1, 1).run(die, {}) == [-signal.SIGKILL]
    assert "process 1 was ended by signal 9" in caplog.text


@pytest.mark.parametrize("numbers", [(0, None), (2, 0)])
def test_impossible_numbers_are_refused(numbers):
    with pytest.raises(InputError, match="at least 1"):
        LocalEngine(*numbers)


@pytest.mark.slow
def test_submitit_runs_jobs_of_this_machine(tmp_path):
    pytest.importorskip("submitit")
    engine = SubmititEngine(2, "local", str(tmp_path / "jobs"), True, {"timeout_min": 5})
    (tmp_path / "out").mkdir()
    assert engine.run(write_threads, {"folder": tmp_path / "out", "code": 3}) == [3, 3]
    assert len(list((tmp_path / "out").iterdir())) == 2


def test_parameters_that_submitit_does_not_know_are_refused(tmp_path):
    pytest.importorskip("submitit")
    with pytest.raises(InputError, match=r"engine.parameters: submitit refuses them"):
        SubmititEngine(2, "local", str(tmp_path / "jobs"), True, {"minutes": 5})
