import hashlib
import random

import pytest

from hpa.core.errors import InputError
from hpa.core.whole_file import WriteError
from hpa.published.transfer import ATTEMPTS, download
from tests.published.server import Faults, served

CONTENT = random.Random(0).randbytes(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def faults():
    return Faults(CONTENT)


@pytest.fixture
def address(faults):
    with served(faults) as address:
        yield address


@pytest.fixture
def waits():
    return []


@pytest.fixture
def fetch(address, waits):
    return lambda place, **expected: download(address, place, wait=waits.append, **expected)


def test_a_file_arrives_whole_with_its_digest_and_nothing_beside_it(tmp_path, fetch, faults):
    assert fetch(tmp_path / "a" / "file.pth", size_bytes=len(CONTENT), sha256=SHA256) == SHA256
    assert (tmp_path / "a" / "file.pth").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["file.pth"]
    fetch(tmp_path / "a" / "file.pth")
    assert len(faults.requests) == 1  # what is there is not asked for again


def test_cut_transfers_go_on_where_they_ended(tmp_path, fetch, faults, waits):
    faults.cuts = [1_200_000, 1_300_000]
    assert fetch(tmp_path / "file.pth") == SHA256
    assert faults.requests[0] is None
    starts = [int(asked.removeprefix("bytes=").rstrip("-")) for asked in faults.requests[1:]]
    assert 0 < starts[0] < starts[-1]
    assert starts[-1] > 1_200_000
    assert len(waits) == 2


def test_a_killed_transfer_goes_on_with_the_next_command(tmp_path, fetch, faults):
    faults.cuts = [2_000_000]
    with pytest.raises(RuntimeError):
        download_until_wait(fetch, tmp_path, faults)
    kept = (tmp_path / ".file.pth.download").stat().st_size
    assert kept > 0
    assert fetch(tmp_path / "file.pth") == SHA256
    assert faults.requests[-1] == f"bytes={kept}-"


def download_until_wait(fetch, tmp_path, faults):
    def killed(seconds):
        raise RuntimeError("killed")

    with served(faults) as address:
        download(address, tmp_path / "file.pth", wait=killed)


def test_parts_of_two_versions_never_meet(tmp_path, fetch, faults):
    faults.cuts = [2_000_000]
    with pytest.raises(RuntimeError):
        download_until_wait(fetch, tmp_path, faults)
    faults.content, faults.tag = bytes(reversed(CONTENT)), '"two"'
    fetch(tmp_path / "file.pth")
    assert (tmp_path / "file.pth").read_bytes() == faults.content


def test_without_a_version_a_cut_transfer_begins_anew(tmp_path, fetch, faults):
    faults.tag, faults.cuts = "", [2_000_000]
    assert fetch(tmp_path / "file.pth") == SHA256
    assert faults.requests == [None, None]


def test_a_server_that_sends_another_part_is_not_trusted(tmp_path, fetch, faults):
    faults.cuts, faults.wrong_part = [2_000_000], True
    assert fetch(tmp_path / "file.pth") == SHA256


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_busy_servers_are_tried_again_after_the_time_they_name(tmp_path, fetch, faults, waits, status):
    faults.answers = [(status, {"Retry-After": "7"}), (status, {}), (status, {"Retry-After": "9999"})]
    assert fetch(tmp_path / "file.pth") == SHA256
    assert waits == [7.0, 2.0, 60.0]


def test_patience_ends_and_what_arrived_is_kept(tmp_path, fetch, faults, waits):
    faults.cuts = [1_200_000, *([0] * 20)]
    with pytest.raises(InputError, match="in a row"):
        fetch(tmp_path / "file.pth")
    assert len(faults.requests) <= 2 * ATTEMPTS
    assert not (tmp_path / "file.pth").exists()


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_file_that_is_not_there_fails_at_once(tmp_path, fetch, faults, waits, status):
    faults.answers = [(status, {})]
    with pytest.raises(InputError, match=rf"answers {status}.*lay it at"):
        fetch(tmp_path / "file.pth")
    assert not waits
    assert not (tmp_path / "file.pth").exists()


def test_without_a_network_it_the_message_names_where_to_lay_the_file(tmp_path, waits):
    with pytest.raises(InputError, match=r"cannot be reached from here.*without internet"):
        download("https://name.invalid/file.pth", tmp_path / "file.pth", wait=waits.append)
    assert not waits


@pytest.mark.parametrize("announced", [1_000_000, 5_000_000])
def test_sizes_that_are_not_true_leave_nothing_wrong_behind(tmp_path, fetch, faults, announced):
    faults.announced = announced
    with pytest.raises(InputError, match="bytes"):
        fetch(tmp_path / "file.pth", size_bytes=len(CONTENT), sha256=SHA256)
    assert not (tmp_path / "file.pth").exists()


def test_more_bytes_than_the_file_has_are_not_written(tmp_path, fetch):
    with pytest.raises(InputError, match="more than the 1,000 bytes"):
        fetch(tmp_path / "file.pth", size_bytes=1000)
    assert not list(tmp_path.iterdir())


def test_another_file_than_published_is_refused_and_not_kept(tmp_path, fetch, faults):
    with pytest.raises(InputError, match=r"SHA-256.*do not use it"):
        fetch(tmp_path / "file.pth", sha256="0" * 64)
    assert not list(tmp_path.iterdir())
    assert len(faults.requests) == 2  # once more from the beginning, in case parts were joined wrongly


def test_redirects_are_followed_unless_they_leave_encryption(tmp_path, fetch, faults, address):
    faults.redirect = address.replace("file.pth", "elsewhere.pth")
    assert fetch(tmp_path / "file.pth") == SHA256
    faults.redirect = "http://example.org/file.pth"
    with pytest.raises(InputError, match="only https"):
        fetch(tmp_path / "other.pth")


def test_addresses_without_encryption_are_refused(tmp_path):
    with pytest.raises(InputError, match="only https"):
        download("http://example.org/file.pth", tmp_path / "file.pth")


def test_a_folder_that_cannot_be_made_is_named(tmp_path, fetch):
    (tmp_path / "a").write_text("")
    with pytest.raises(WriteError, match="in its way"):
        fetch(tmp_path / "a" / "file.pth")
