"""Locks name their holder, outlive nobody, and need nothing of the file system but that a file is made once."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import time
from dataclasses import asdict, replace

import pytest

from hpa.core import file_lock
from hpa.core.errors import InputError
from hpa.core.file_lock import STALE_S, Holder, held

spawn = multiprocessing.get_context("spawn")


def hold(path, ready) -> None:
    with held(path, "works here", "wait."):
        ready.set()
        signal.pause()


@pytest.fixture
def holder(tmp_path):
    ready = spawn.Event()
    process = spawn.Process(target=hold, args=(tmp_path / "lock", ready))
    process.start()
    assert ready.wait(60)
    yield process
    process.kill()
    process.join()


def write(path, holder: Holder, age_s: float = 0.0) -> None:
    path.write_text(json.dumps(asdict(holder)))
    os.utime(path, (time.time() - age_s,) * 2)


def test_a_second_process_is_refused_with_the_name_of_the_first(holder, tmp_path):
    expected = f"process {holder.pid} on {socket.gethostname()} works here now; wait"
    with pytest.raises(InputError, match=expected), held(tmp_path / "lock", "works here", "wait."):
        pass
    assert (tmp_path / "lock").is_file()


def test_the_lock_of_a_killed_process_is_free_at_once(holder, tmp_path):
    os.kill(holder.pid, signal.SIGKILL)
    while holder.is_alive():
        time.sleep(0.01)
    with held(tmp_path / "lock", "works here", "wait.") as lock:
        lock.require_held()
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_after_an_error(tmp_path):
    with pytest.raises(KeyError), held(tmp_path / "lock", "works here", "wait."):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_a_number_that_another_process_has_now_is_not_taken_for_the_holder(tmp_path):
    write(tmp_path / "lock", replace(Holder.this_process(), started="1"))
    with held(tmp_path / "lock", "works here", "wait."):
        pass


@pytest.mark.parametrize("change", [{"host": "another"}, {"namespace": "a container"}])
def test_a_lock_of_another_machine_is_stale_once_it_is_not_renewed(tmp_path, change):
    other = replace(Holder.this_process(), process=2**22 + 1, **change)
    write(tmp_path / "lock", other, STALE_S - 20)
    with pytest.raises(InputError, match="process 4194305 on "), held(tmp_path / "lock", "works here", "wait."):
        pass
    write(tmp_path / "lock", other, STALE_S + 20)
    with held(tmp_path / "lock", "works here", "wait."):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_holder_renews_its_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(file_lock, "RENEWED_S", 0.01)
    with held(tmp_path / "lock", "works here", "wait."):
        os.utime(tmp_path / "lock", (0, 0))
        for _ in range(500):
            if (tmp_path / "lock").stat().st_mtime > 0:
                break
            time.sleep(0.01)
        assert (tmp_path / "lock").stat().st_mtime > 0


def test_a_holder_whose_lock_was_taken_over_is_warned_and_leaves_it(tmp_path):
    other = replace(Holder.this_process(), host="another", token="other")
    with held(tmp_path / "lock", "works here", "wait.") as lock:
        write(tmp_path / "lock", other)
        with pytest.raises(InputError, match=r"on another holds it now; it stops here"):
            lock.require_held()
    assert (tmp_path / "lock").is_file()


def test_a_takeover_that_was_killed_blocks_nobody_for_ever(tmp_path):
    write(tmp_path / "lock", replace(Holder.this_process(), started="1"))
    write(tmp_path / "lock.takeover", replace(Holder.this_process(), started="1"))
    with held(tmp_path / "lock", "works here", "wait."):
        pass


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "[" * 100_000, '{"process": -1}', "\0", *(
        json.dumps(asdict(Holder.this_process()) | {"process": number}) for number in (-1, 0, 10**30, "1", None, 1.5)
    )]
)  # fmt: skip
def test_a_lock_that_no_process_wrote_is_stale_by_its_age_alone(tmp_path, text):
    (tmp_path / "lock").write_text(text)
    with (
        pytest.raises(InputError, match=r"another process .* free in 1[78][0-9] seconds"),
        held(tmp_path / "lock", "works here", "wait."),
    ):
        pass
    os.utime(tmp_path / "lock", (0, 0))
    with held(tmp_path / "lock", "works here", "wait."):
        pass
    assert list(tmp_path.iterdir()) == []


def test_where_starts_of_processes_are_not_known_a_number_counts_as_long_as_it_is_renewed(tmp_path, monkeypatch):
    monkeypatch.setattr(file_lock, "_started", lambda process: None)
    mine = replace(Holder.this_process(), token="of another process that had this number")
    write(tmp_path / "lock", mine, STALE_S - 20)
    with pytest.raises(InputError, match=f"process {os.getpid()}"), held(tmp_path / "lock", "works here", "wait."):
        pass
    write(tmp_path / "lock", mine, STALE_S + 20)
    with held(tmp_path / "lock", "works here", "wait."):
        pass


def test_a_file_system_without_second_names_has_locks_too(tmp_path, monkeypatch):
    def refused(path, other) -> None:
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.hardlink_to", refused)
    with held(tmp_path / "lock", "works here", "wait.") as lock:
        lock.require_held()
        with pytest.raises(InputError, match="works here now"), held(tmp_path / "lock", "works here", "wait."):
            pass
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_its_last_holder_removes_is_made_again(tmp_path, monkeypatch):
    """As the holder of an output does that leaves nothing behind."""
    once = [tmp_path / "work"]
    created = file_lock._is_created

    def after_a_removal(path, own) -> bool:
        if once:
            once.pop().rmdir()
        return created(path, own)

    monkeypatch.setattr(file_lock, "_is_created", after_a_removal)
    with held(tmp_path / "work" / "lock", "works here", "wait.") as lock:
        lock.require_held()


def contend(path, start, entered, overlaps, refused) -> None:
    start.wait()
    try:
        with held(path, "works here", "wait."):
            with entered.get_lock():
                entered.value += 1
                overlaps.value += entered.value > 1
            time.sleep(0.3)
            with entered.get_lock():
                entered.value -= 1
    except InputError:
        with refused.get_lock():
            refused.value += 1


def test_of_many_that_find_a_stale_lock_one_takes_it(tmp_path):
    write(tmp_path / "lock", replace(Holder.this_process(), started="1"))
    start, entered, overlaps, refused = spawn.Event(), *(spawn.Value("i", 0) for _ in range(3))
    arguments = (tmp_path / "lock", start, entered, overlaps, refused)
    processes = [spawn.Process(target=contend, args=arguments) for _ in range(6)]
    for process in processes:
        process.start()
    start.set()
    for process in processes:
        process.join(60)
    assert overlaps.value == 0
    assert refused.value < len(processes)
    assert list(tmp_path.iterdir()) == []
