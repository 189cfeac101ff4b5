"""Any number of processes share a run: the bytes are those of one, whoever comes, stops, sleeps or comes late."""

import json
import multiprocessing
import os
import signal
import threading
import time
from dataclasses import asdict, replace

import pytest

from hpa.core.errors import InputError
from hpa.core.file_lock import STALE_S, Holder
from hpa.inference import shared_run
from hpa.inference.budget import Budget
from hpa.inference.shared_folder import SharedFolder, note_path
from hpa.inference.work_claim import opened
from hpa.inference.work_folder import work_path

IMAGES = 7


@pytest.fixture
def images(source, make_field):
    for number in range(IMAGES):
        source.add(make_field(f"i{number}", number % 4, 30 + number, 40, seed=number))
    return source


@pytest.fixture
def run(run_pipeline, images):
    return lambda **changes: run_pipeline(images, **{"block_images": 1, "fields_at_once": 1} | changes)


@pytest.fixture
def whole(run, tmp_path):
    run(out=tmp_path / "whole.csv")
    return (tmp_path / "whole.csv").read_bytes()


def start(run, **changes):
    """A process that takes part."""
    process = multiprocessing.get_context("fork").Process(target=lambda: run(shared=True, **changes))
    process.start()
    return process


def left_behind(folder):
    return sorted(path.name for path in folder.iterdir() if path.name not in ("images", "whole.csv"))


COMPLETE = ["submission.csv", "submission.csv.finished.json"]


def test_one_process_writes_the_bytes_of_a_run_of_its_own(run, whole, tmp_path):
    result = run(shared=True)
    assert (tmp_path / "submission.csv").read_bytes() == whole
    assert (result.image_count, result.kept, result.skipped_count) == (IMAGES, 0, 0)
    assert left_behind(tmp_path) == COMPLETE


def test_processes_share_the_blocks_and_each_sees_the_whole_result(run, whole, tmp_path):
    def slowly(done, total):
        time.sleep(0.05)

    others = [start(run, on_progress=slowly) for _ in range(2)]
    result = run(shared=True, on_progress=slowly)
    for other in others:
        other.join(60)
    assert [other.exitcode for other in others] == [0, 0]
    assert (tmp_path / "submission.csv").read_bytes() == whole
    assert result.image_count == IMAGES
    assert result.kept > 0
    assert left_behind(tmp_path) == COMPLETE


def test_a_killed_process_costs_its_block_alone(run, whole, tmp_path):
    def die_at_the_third(done, total):
        if done == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    victim = start(run, on_progress=die_at_the_third)
    victim.join(60)
    assert victim.exitcode == -signal.SIGKILL
    assert run(shared=True).kept == 2
    assert (tmp_path / "submission.csv").read_bytes() == whole
    assert left_behind(tmp_path) == COMPLETE


def test_who_comes_late_does_nothing(run, whole, tmp_path):
    run(shared=True)
    seen = []
    result = run(shared=True, on_progress=lambda *counts: seen.append(counts), check=lambda: seen.append("checked"))
    assert seen == [(IMAGES, IMAGES)]
    assert (result.image_count, result.kept) == (IMAGES, IMAGES)
    assert left_behind(tmp_path) == COMPLETE


@pytest.mark.parametrize("change", [lambda out: out.unlink(), lambda out: out.write_text("edited")])
def test_a_submission_that_is_gone_or_changed_is_made_again(run, whole, tmp_path, change):
    run(shared=True)
    change(tmp_path / "submission.csv")
    assert run(shared=True).kept == 0
    assert (tmp_path / "submission.csv").read_bytes() == whole


def test_what_a_process_left_that_was_killed_while_it_cleaned_up_is_removed(run, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(SharedFolder, "clear", lambda *_: None)
        run(shared=True)
    folder = work_path(tmp_path / "submission.csv")
    (folder / "worker_0a").write_text("{}")
    assert list(folder.glob("block_*"))
    run(shared=True)
    assert left_behind(tmp_path) == COMPLETE


def test_the_failures_of_others_are_reported(run, images):
    (images.folder / "i2.npy").unlink()
    assert [problem.subject for problem in run(shared=True).failed] == ["i2"]
    assert [problem.subject for problem in run(shared=True).failed] == ["i2"]  # from the note


def lease(folder, number, **changes):
    """The lease of a process on another machine, renewed just now."""
    folder.mkdir(exist_ok=True)
    path = folder / f"lease_{number:05d}"
    path.write_text(json.dumps(asdict(replace(Holder.this_process(), host="node-7", **changes))))
    return path


def begin(run, tmp_path, rows=2):
    """Do one block and stop."""

    def stop(done, total):
        if done == rows:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(shared=True, on_progress=stop)
    return work_path(tmp_path / "submission.csv")


def test_an_interrupted_process_leaves_what_is_done_and_no_lease(run, tmp_path):
    folder = begin(run, tmp_path)
    assert not [path for path in folder.iterdir() if path.name.startswith(("lease", "worker", "turn"))]
    assert len(list(folder.glob("block_*.json"))) == 1


def test_an_interrupted_process_that_has_done_nothing_leaves_nothing(run, tmp_path):
    begin(run, tmp_path, rows=1)
    assert left_behind(tmp_path) == []


def test_the_block_of_a_lost_machine_is_done_once_its_lease_is_not_renewed(run, whole, tmp_path):
    path = lease(begin(run, tmp_path), 6)
    os.utime(path, (time.time() - STALE_S - 20,) * 2)
    run(shared=True)
    assert (tmp_path / "submission.csv").read_bytes() == whole


def test_the_block_of_a_slow_machine_is_done_a_second_time(run, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(shared_run, "MIN_PATIENCE_S", 0.0)
    lease(begin(run, tmp_path), 6)
    run(shared=True)
    assert (tmp_path / "submission.csv").read_bytes() == whole


def test_a_process_that_slept_while_others_finished_ends_well(run, whole, tmp_path, monkeypatch):
    """It holds a lease whose file the others removed, with the folder it writes to."""
    monkeypatch.setattr(shared_run, "MIN_PATIENCE_S", 0.0)
    asleep, wake = threading.Event(), threading.Event()

    def sleep(done, total):
        if done == 2 and not asleep.is_set():
            asleep.set()
            wake.wait(60)

    results = []
    sleeper = threading.Thread(target=lambda: results.append(run(shared=True, on_progress=sleep)))
    sleeper.start()
    assert asleep.wait(60)
    run(shared=True)
    wake.set()
    sleeper.join(60)
    assert [result.image_count for result in results] == [IMAGES]
    assert (tmp_path / "submission.csv").read_bytes() == whole
    assert left_behind(tmp_path) == COMPLETE


def test_a_damaged_block_is_done_again(run, whole, tmp_path):
    folder = begin(run, tmp_path, rows=4)
    [rows, *_] = folder.glob("block_*.csv")
    rows.write_bytes(rows.read_bytes()[:-1])
    run(shared=True)
    assert (tmp_path / "submission.csv").read_bytes() == whole


def test_other_settings_are_refused_by_name(run, tmp_path):
    begin(run, tmp_path)
    with pytest.raises(InputError, match="fields_at_once: 1, 2"):
        run(shared=True, fields_at_once=2)


def test_a_run_of_one_process_and_a_shared_one_exclude_each_other(run, tmp_path):
    begin(run, tmp_path)
    out = tmp_path / "submission.csv"
    with opened(tmp_path / "other.csv", {}), pytest.raises(InputError, match="without workers=join now"):
        run(shared=True, out=tmp_path / "other.csv")

    def enter_too(done, total):
        if done == 2:
            with pytest.raises(InputError, match="1 processes share this output now"):
                run(out=out)

    run(shared=True, on_progress=enter_too)


def test_a_shared_run_goes_on_with_what_one_process_left_and_the_other_way_round(run, whole, tmp_path):
    begin(run, tmp_path, rows=3)
    assert run().kept == 2
    assert (tmp_path / "submission.csv").read_bytes() == whole


def test_a_budget_of_time_is_refused(run):
    with pytest.raises(InputError, match="budget_hours"):
        run(shared=True, budget=Budget(1.0, 0.0, True))


def test_a_note_that_is_none_is_left_alone(run, tmp_path):
    note_path(tmp_path / "submission.csv").write_text("mine")
    with pytest.raises(InputError, match="move it away"):
        run(shared=True)
    assert note_path(tmp_path / "submission.csv").read_text() == "mine"
