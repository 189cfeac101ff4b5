"""A work folder is held by one process, and holds nothing of anybody else."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import time
from dataclasses import asdict, replace

import pytest

from hpa.core.errors import InputError
from hpa.core.file_lock import STALE_S, Holder
from hpa.inference.block_report import BlockReport
from hpa.inference.work_claim import opened

spawn = multiprocessing.get_context("spawn")
REPORT = BlockReport(0, ("a",), 1, (), (), "", "", ())


def hold(out, ready) -> None:
    with opened(out, {}):
        ready.set()
        signal.pause()


def test_a_second_writer_is_refused_until_the_first_is_killed(tmp_path):
    ready = spawn.Event()
    first = spawn.Process(target=hold, args=(tmp_path / "out.csv", ready))
    first.start()
    assert ready.wait(60)
    named = f"process {first.pid} on {socket.gethostname()} writes this output now; wait"
    with pytest.raises(InputError, match=named), opened(tmp_path / "out.csv", {}):
        pass
    first.kill()
    first.join()
    with opened(tmp_path / "out.csv", {}) as work:
        work.require_held()
    assert list(tmp_path.iterdir()) == []


def held_by(out, age_s: float, **changes: str) -> None:
    folder = out.with_name(f"{out.name}.parts")
    folder.mkdir(exist_ok=True)
    (folder / "lock").write_text(json.dumps(asdict(replace(Holder.this_process(), **changes))))
    os.utime(folder / "lock", (time.time() - age_s,) * 2)


def test_a_writer_on_another_machine_is_named_and_its_lock_stale_once_it_is_not_renewed(tmp_path):
    held_by(tmp_path / "out.csv", STALE_S - 20, host="node-7")
    with pytest.raises(InputError, match=r"on node-7 .* free in \d\d seconds"), opened(tmp_path / "out.csv", {}):
        pass
    held_by(tmp_path / "out.csv", STALE_S + 20, host="node-7")
    with opened(tmp_path / "out.csv", {}):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_has_the_number_of_a_killed_one_is_not_taken_for_it(tmp_path):
    held_by(tmp_path / "out.csv", 0.0, started="1")
    with opened(tmp_path / "out.csv", {}):
        pass


def test_who_lost_the_folder_writes_no_further_block(tmp_path):
    with opened(tmp_path / "out.csv", {}) as work:
        held_by(tmp_path / "out.csv", 0.0, host="node-7", token="other")
        for write in (lambda: work.begin(0), lambda: work.write_report(REPORT)):
            with pytest.raises(InputError, match=r"on node-7 holds it now"):
                write()
        (work.path / "lock").unlink()


def test_files_of_somebody_else_are_refused_and_kept(tmp_path):
    mine = tmp_path / "out.csv.parts" / "notes.txt"
    mine.parent.mkdir()
    mine.write_text("mine")
    with pytest.raises(InputError, match=r"notes\.txt, which is none"), opened(tmp_path / "out.csv", {}):
        pass
    assert [path.name for path in mine.parent.iterdir()] == ["notes.txt"]


def test_a_link_to_another_folder_is_refused_and_the_folder_kept(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "block_1.json").write_text("mine")
    (tmp_path / "out.csv.parts").symlink_to(tmp_path / "home")
    with pytest.raises(InputError, match="is a link to another folder"), opened(tmp_path / "out.csv", {}):
        pass
    assert (tmp_path / "home" / "block_1.json").read_text() == "mine"
