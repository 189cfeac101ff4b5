"""Engines start processes that are handed settings; a killed one is named, and the others go on."""

import logging
import os
import signal
import sys

import pytest

from hpa.core.errors import InputError
from hpa.engines.local import LocalEngine
from hpa.engines.ray_tasks import RayEngine
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


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of Ray's own processes and files
def test_ray_runs_tasks_of_this_machine_and_names_one_that_was_killed(tmp_path, caplog):
    pytest.importorskip("ray", reason='needs pip install "hpa-cells[ray]"')
    engine = RayEngine(2, None, 1, 0, {})
    assert engine.run(write_threads, {"folder": tmp_path, "code": 3}) == [3, 3]
    assert len(list(tmp_path.iterdir())) == 2
    with caplog.at_level(logging.WARNING):
        assert RayEngine(1, None, 1, 0, {}).run(die, {}) == [1]
    assert "task 1 was lost" in caplog.text


def test_ray_that_is_missing_is_named_and_impossible_numbers_are_refused(monkeypatch):
    with pytest.raises(InputError, match=r"engine.cpus=0 .* at least 1"):
        RayEngine(2, None, 0, 0, {})
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'hpa-cells\[ray\]'"):
        RayEngine(2, None, 1, 0, {})


def test_paths_of_this_folder_are_refused_where_tasks_run_on_other_machines():
    pytest.importorskip("ray", reason='needs pip install "hpa-cells[ray]"')
    with pytest.raises(InputError, match=r"data.root=images: tasks of other machines"):
        RayEngine(1, "auto", 1, 0, {}).run(die, {"out": "/shared/out.csv", "data": {"root": "images"}})
