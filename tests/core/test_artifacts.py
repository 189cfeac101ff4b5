"""The cache of stored files: places, threads, leftovers."""

import os
import threading

import numpy as np
import pytest

from hpa.core.artifacts import ArtifactCache, make_all
from hpa.core.errors import InputError
from hpa.core.sealed_file import DamagedFileError, write_array
from hpa.core.whole_file import DiskFullError


def quiet(done, total):
    """Take no notice of progress."""


def test_the_files_of_a_key_lie_together(tmp_path):
    cache = ArtifactCache(tmp_path)
    paths = {cache.path("crops", "0a1b", suffix) for suffix in (".npy", ".cells.npy")}
    assert paths == {tmp_path / "crops" / "0a" / "0a1b.npy", tmp_path / "crops" / "0a" / "0a1b.cells.npy"}


def test_a_mapped_array_is_verified_when_it_is_first_opened(tmp_path):
    path = tmp_path / "a.npy"
    write_array(path, np.arange(100))
    cache = ArtifactCache(tmp_path)
    assert np.array_equal(cache.map_array(path), np.arange(100))
    assert isinstance(cache.map_array(path), np.memmap)
    content = bytearray(path.read_bytes())
    content[-50] ^= 1
    path.write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"a\.npy"):
        ArtifactCache(tmp_path).map_array(path)


def test_orphans_are_deleted_and_files_being_written_are_not(tmp_path):
    folder = tmp_path / "crops" / "ab"
    folder.mkdir(parents=True)
    names = {"orphan": ".abc.npy.0.part", "fresh": ".abd.npy.1.part", "whole": "abe.npy"}
    paths = {name: folder / file for name, file in names.items()}
    for name, path in paths.items():
        path.write_bytes(b"x")
        if name != "fresh":
            os.utime(path, (1, 1))
    orphaned_folder = folder / ".abf.2.part"
    orphaned_folder.mkdir()
    (orphaned_folder / "inside").write_bytes(b"x")
    os.utime(orphaned_folder, (1, 1))
    ArtifactCache(tmp_path).sweep("crops", "never_made")
    assert sorted(path.name for path in folder.iterdir()) == sorted([names["fresh"], names["whole"]])


def test_what_fails_is_named_in_order_and_the_rest_is_made():
    def fail():
        raise InputError("cannot be read")

    steps = []
    jobs = {"b": fail, "a": lambda: 1, "c": fail}
    made, problems = make_all(jobs, 2, lambda *step: steps.append(step))
    assert made == {"a": 1}
    assert [(problem.subject, problem.reason) for problem in problems] == [(name, "cannot be read") for name in "bc"]
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_nothing_is_started_after_a_full_disk():
    started = []
    release = threading.Event()

    def fill():
        started.append(0)
        release.set()
        raise DiskFullError("the disk is full")

    def follow(number):
        def job():
            release.wait()
            started.append(number)

        return job

    jobs = {"full": fill} | {str(number): follow(number) for number in range(1, 50)}
    with pytest.raises(DiskFullError):
        make_all(jobs, 1, quiet)
    assert len(started) < 10
