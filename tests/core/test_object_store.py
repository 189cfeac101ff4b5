"""Objects of a real S3-speaking server that stutters, cuts, lies and refuses."""

import os
import urllib.request

import pytest

from hpa.core import object_store
from hpa.core.addresses import as_path
from hpa.core.errors import InputError
from hpa.core.object_store import ATTEMPTS, forget, upload
from hpa.core.outputs import is_own_output
from hpa.core.upload import staged, upload_staged
from tests.core.object_server import object_server

CONTENT = os.urandom(100_000)


@pytest.fixture(scope="module")
def server():
    pytest.importorskip("moto", reason="moto[s3] of the extra dev is not installed")
    with object_server() as (address, faulty):
        urllib.request.urlopen(urllib.request.Request(f"{address}/bucket", method="PUT")).close()
        yield address, faulty


@pytest.fixture
def waits(monkeypatch):
    found: list[float] = []
    monkeypatch.setattr(object_store, "wait", found.append)
    return found


@pytest.fixture
def faulty(server, waits, monkeypatch, tmp_path):
    address, faulty = server
    for name, value in (
        *(("AWS_ENDPOINT_URL", address), ("AWS_REGION", "us-east-1"), ("HPA_CACHE", str(tmp_path / "cache"))),
        *(("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "secret"), ("AWS_EC2_METADATA_DISABLED", "true")),
    ):
        monkeypatch.setenv(name, value)
    object_store._filesystem.cache_clear()
    for known in (object_store._listings, object_store._requested, object_store._looked_into):
        known.clear()
    faulty.faults.clear()
    faulty.reads.clear()
    (tmp_path / "a.bin").write_bytes(CONTENT)
    upload(tmp_path / "a.bin", "s3://bucket/set/a.bin")
    return faulty


def cached(tmp_path):
    return [path for path in (tmp_path / "cache" / "objects").rglob("*") if path.is_file()]


def test_an_object_is_fetched_once_whole(faulty, tmp_path, waits):
    path = as_path("s3://bucket/set") / "a.bin"
    assert path.read_bytes() == CONTENT
    requests = len(faulty.reads)
    assert path.read_bytes() == CONTENT
    assert [one.name for one in path.parent.iterdir()] == ["a.bin"]
    assert (len(faulty.reads), waits) == (requests, [])
    assert [path.name for path in cached(tmp_path)] == ["a.bin"]


@pytest.mark.parametrize("fault", [500, 503, "cut", "short"])
def test_what_passes_is_tried_again_after_growing_waits(faulty, tmp_path, waits, fault):
    faulty.faults = [fault] * 3
    assert as_path("s3://bucket/set/a.bin").read_bytes() == CONTENT
    assert len(waits) >= 2  # one attempt may meet two of them
    assert waits[0] < waits[-1]


@pytest.mark.parametrize("fault", [503, "cut", "short"])
def test_what_does_not_pass_is_reported_and_leaves_nothing_in_the_cache(faulty, tmp_path, waits, fault):
    faulty.faults = [fault] * 2 * ATTEMPTS
    with pytest.raises(InputError, match=rf"s3://bucket/set/a.bin: cannot be had, tried {ATTEMPTS} times"):
        as_path("s3://bucket/set/a.bin").read_bytes()
    assert cached(tmp_path) == []
    faulty.faults.clear()
    assert as_path("s3://bucket/set/a.bin").read_bytes() == CONTENT


def test_denied_access_is_reported_at_once(faulty, tmp_path, waits):
    faulty.faults = [403]
    with pytest.raises(InputError, match=r"s3://bucket/set/a.bin: access is denied .*AWS_PROFILE") as error:
        as_path("s3://bucket/set/a.bin").read_bytes()
    assert waits == []
    assert "secret" not in str(error.value)


def test_what_is_not_there_is_no_file(faulty, waits):
    root = as_path("s3://bucket/set")
    assert not (root / "b.bin").exists()
    assert not as_path("s3://bucket/other/b.bin").is_file()
    assert not as_path("s3://no-such-bucket/b.bin").is_file()
    with pytest.raises(FileNotFoundError):
        (root / "b.bin").read_bytes()
    assert waits == []


def test_a_replaced_object_is_noticed(faulty, tmp_path):
    path = as_path("s3://bucket/set/a.bin")
    before = path.identity()
    assert path.read_bytes() == CONTENT
    (tmp_path / "a.bin").write_bytes(b"other")
    upload(tmp_path / "a.bin", str(path))
    assert path.read_bytes() == b"other"
    assert path.identity() != before


def test_results_are_uploaded_whole_and_those_of_others_kept(faulty, tmp_path):
    address = as_path("s3://bucket/out/submission.csv")
    for text in ("one", "two"):  # the second replaces its own
        place = staged(address, "infer", overwrite=False)
        place.write_text(text)
        (place.parent / "submission.cells.csv").write_text(f"cells {text}")
        upload_staged(place, address, "infer", overwrite=False)
        assert not place.parent.exists()
    assert address.read_text() == "two"
    assert (address.parent / "submission.cells.csv").read_text() == "cells two"
    assert is_own_output(address, "infer")
    upload(tmp_path / "a.bin", str(address))
    with pytest.raises(InputError, match=r"s3://bucket/out/submission.csv: exists and was not made by"):
        staged(address, "infer", overwrite=False)


def test_listings_are_requested_once(faulty, monkeypatch):
    forget("s3://bucket/set/a.bin")
    root = as_path("s3://bucket/set")
    assert (root / "a.bin").is_file()
    assert not (root / "b.bin").is_file()
    monkeypatch.setattr(object_store, "_filesystem", None)  # nothing further is requested
    assert (root / "a.bin").is_file()
    assert not any((root / f"{number}.bin").exists() for number in range(100))
