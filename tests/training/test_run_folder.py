"""What a run's folder keeps, refuses and sweeps."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from hpa.app.train import resume
from hpa.config import plain
from hpa.core.errors import InputError
from hpa.core.file_lock import Holder
from hpa.overrides import compose_config
from hpa.training.run_folder import RunFolder, require_empty, sweep_finished

ROOT = Path(__file__).resolve().parents[2]
LEFT = ("lock", "lock.takeover", "checkpoints/.last.ckpt.7.part", ".metrics.csv.7.part")


def killed_process() -> Holder:
    """Return a holder as a process leaves it that is gone."""
    words = "from hpa.core.file_lock import Holder; import json; from dataclasses import asdict"
    script = f"{words}; print(json.dumps(asdict(Holder.this_process())))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return Holder.from_plain(json.loads(done.stdout))


@pytest.fixture
def run(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.checkpoints.mkdir(parents=True)
    folder.write_config(plain(compose_config(ROOT, "train", ["model=tiny", "trainer.max_epochs=1"])))
    folder.write_facts({"finished": True, "epochs": 1, "max_epochs": 1})
    return folder


def leave(run, holder):
    for name in LEFT:
        (run.path / name).write_text("unfinished")
    for name in ("lock", "lock.takeover"):
        (run.path / name).write_text(json.dumps(asdict(holder)))


@pytest.mark.parametrize("command", ["sweep", "resume"])
def test_a_finished_run_is_swept_of_what_a_killed_process_left(run, tmp_path, command):
    leave(run, killed_process())
    before = (run.path / "run.json").read_bytes()
    if command == "sweep":
        sweep_finished(run)
    else:
        assert resume(str(run.path), [], ROOT / "conf") == 0
    assert not [name for name in LEFT if (run.path / name).exists()]
    assert (run.path / "run.json").read_bytes() == before


def test_a_finished_run_that_another_process_trains_on_is_left_alone(run):
    leave(run, Holder.from_plain(asdict(Holder.this_process()) | {"token": "another"}))
    sweep_finished(run)
    assert all((run.path / name).exists() for name in LEFT)


def test_a_lock_that_a_killed_process_was_taking_over_is_in_no_new_runs_way(tmp_path):
    for name in ("lock", "lock.takeover", "job.json", ".lock.7.part"):
        (tmp_path / name).write_text("{}")
    require_empty(tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match=r"this one holds notes\.txt"):
        require_empty(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[1]", "null", "[" * 100_000, "\x00"])
def test_damaged_facts_are_named(run, text):
    (run.path / "run.json").write_text(text)
    with pytest.raises(InputError, match=r"run\.json: the facts of a run are expected"):
        run.facts()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes into read-only folders")
def test_a_finished_run_in_a_read_only_folder_is_finished(run, tmp_path):
    leave(run, killed_process())
    run.path.chmod(0o500)
    try:
        assert resume(str(run.path), [], ROOT / "conf") == 0
    finally:
        run.path.chmod(0o700)


LAUGHING = "\n".join(["a0: &a0 [ha]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12))])
"""A billion laughs."""


@pytest.mark.parametrize("text", [LAUGHING, "a: &a [1]\nb: *a", "a: " + "[" * 200, "a: " + "[" * 100_000])
def test_a_config_that_means_more_than_it_says_is_named(run, text):
    run.config_file.write_text(text)
    with pytest.raises(InputError, match=r"config\.yaml: cannot be read"):
        run.config()


def test_a_config_is_read_as_written(run):
    before = run.config()
    run.write_config(before)
    assert run.config() == before
