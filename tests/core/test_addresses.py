"""Addresses as paths, and the cache of what lies there; the store is fsspec's own, in memory."""

import os
import pickle
from pathlib import Path

import fsspec
import pytest

from hpa.core import object_cache, object_store
from hpa.core.addresses import StoredPath, as_path
from hpa.core.errors import InputError
from hpa.core.file_identity import file_identity
from hpa.core.object_store import forget
from hpa.core.ownership import require_no_paths
from hpa.core.paths import with_home, with_paths
from hpa.sources.kaggle_hpa import KaggleHpa


@pytest.fixture
def store(monkeypatch, tmp_path):
    monkeypatch.setenv("HPA_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(object_cache, "_added_bytes", None)
    memory = fsspec.filesystem("memory")
    yield memory
    memory.store.clear()
    for known in (object_store._listings, object_store._requested, object_store._looked_into):
        known.clear()


def cached(tmp_path):
    return sorted(path.name for path in (tmp_path / "cache" / "objects").rglob("*") if path.is_file())


def test_addresses_are_paths_like_others(store):
    store.pipe({"/set/train.csv": b"ID,Label", "/set/train/a b#1.png": b"a", "/set/train/b.tif": b"bb"})
    root = as_path("memory://set")
    assert str(root / "train" / "b.tif") == "memory://set/train/b.tif"
    assert as_path(Path("memory://set")) == with_home(Path("memory://set")) == root == as_path(root)
    assert root.is_dir()
    assert [path.name for path in root.iterdir()] == ["train", "train.csv"]
    assert [path.name for path in root.rglob("*.tif")] == [path.name for path in root.glob("*/*.tif")] == ["b.tif"]
    assert (root / "train" / "a b#1.png").read_bytes() == b"a"
    assert (root / "train" / "b.tif").stat().st_size == 2
    assert not (root / "test").exists()
    assert pickle.loads(pickle.dumps(root)) == root
    assert root.resolve() == root
    assert sorted(os.listdir(os.fspath(root / "train"))) == ["a b#1.png", "b.tif"]  # noqa: PTH208 - as libraries do


def test_nothing_is_written_there_by_accident(store):
    for write in (lambda path: path.write_text("a"), StoredPath.mkdir, StoredPath.unlink, lambda path: path.open("ab")):
        with pytest.raises(InputError, match=r"memory://a: this command writes to folders of this machine only"):
            write(as_path("memory://a"))


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("s3://me:pass%word@bucket/set", "with a user and a password is not opened"),
        ("https://example.org/set", "cannot be listed"),
        ("http://me:pass%word@example.org", "password"),
        ("nonsense://set", "nonsense://set: s3://, gs://"),
        ("simplecache::s3://bucket/a", "simplecache::s3://bucket/a: s3://, gs://"),
    ],
)
def test_other_addresses_are_refused_in_words_without_their_password(address, words):
    with pytest.raises(InputError, match=words) as error:
        as_path(address)
    assert "pass%word" not in str(error.value)


def test_a_config_with_a_password_in_an_address_is_not_kept():
    with pytest.raises(InputError, match="s3://bucket/set: an address with a user") as error:
        with_paths({"data": {"root": "s3://me:pass%word@bucket/set"}})
    assert "pass%word" not in str(error.value)


def test_plain_paths_stay_plain(tmp_path):
    assert not isinstance(as_path("file:///data/set"), StoredPath)
    assert as_path("file:///data/set") == Path("/data/set")
    for text in ("a:/b", "s3", "hub:subcell", "C:/x", "./s3:x/y"):
        assert as_path(text) == Path(text)
        assert not isinstance(as_path(text), StoredPath)


@pytest.mark.parametrize("value", ["s3://bucket/set", "gs://bucket/a.pth", "memory://a"])
def test_addresses_that_others_name_are_not_opened(value):
    with pytest.raises(InputError, match=f"names data.folder_of_images={value}; files that others name are not opened"):
        require_no_paths({"folder_of_images": value}, "data", Path("RUN"))


def test_a_data_set_reads_the_same_there(store, make_set, tmp_path):
    root = make_set({"a": "0", "b": "1|2"}, ("c",))
    for file in root.rglob("*.*"):
        store.pipe(f"/there/{file.relative_to(root)}", file.read_bytes())
    channels = ("red", "green", "blue", "yellow")
    here, there = (KaggleHpa(one, channels, None, None, None) for one in (root, "memory://there"))
    assert there.table("train").require_usable().frame.equals(here.table("train").frame)
    for channel in channels:
        assert (there.read("c", "test").plane(channel) == here.read("c", "test").plane(channel)).all()
    assert "memory://there/train/a_red.png" in there.identity("a", "train")
    with pytest.raises(InputError, match=r"memory://there/train/x_red\.png"):
        there.read("x", "train")


def test_a_replaced_object_has_another_identity_and_place(store, tmp_path):
    path = as_path("memory://a.txt")
    store.pipe("/a.txt", b"one")
    first = file_identity(path)
    assert path.read_text() == "one"
    store.pipe("/a.txt", b"other")
    forget(str(path))  # a process requests a listing once
    assert path.read_text() == "other"
    assert file_identity(path) != first


def test_the_cache_keeps_its_bound_and_what_was_used_last(store, tmp_path, monkeypatch):
    monkeypatch.setenv("HPA_OBJECTS_GB", "1e-6")
    for number in range(8):
        store.pipe(f"/set/{number}", bytes(200))
    root = as_path("memory://set")
    for number in range(8):
        assert (root / str(number)).read_bytes() == bytes(200)
        kept = root / "0"
        os.utime(Path(os.fspath(kept)).parent, (1e9 + number, 1e9 + number))
    for folder in (tmp_path / "cache" / "objects").glob("*/*"):
        assert folder.name[0] != "."
    assert len(cached(tmp_path)) <= 5
    store.pipe("/set2/large", bytes(1001))
    with pytest.raises(InputError, match=r"memory://set2/large: 1,001 bytes are more than the cache may hold"):
        as_path("memory://set2/large").read_bytes()


def test_a_kill_while_fetching_leaves_nothing_that_is_taken_for_whole(store, tmp_path, monkeypatch):
    store.pipe("/a.txt", b"whole")

    def killed(address, entry, place):
        place.write_bytes(b"who")
        os._exit(9)

    monkeypatch.setattr(object_cache, "fetch", killed)
    child = os.fork()
    if child == 0:
        as_path("memory://a.txt").read_bytes()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    monkeypatch.undo()
    monkeypatch.setenv("HPA_CACHE", str(tmp_path / "cache"))
    assert cached(tmp_path) == ["a.txt"]  # of the killed process, in a folder that nobody reads
    assert as_path("memory://a.txt").read_bytes() == b"whole"
    part = next(path for path in (tmp_path / "cache" / "objects").glob("*/.*.part"))
    os.utime(part, (0, 0))
    monkeypatch.setattr(object_cache, "_added_bytes", None)
    store.pipe("/b.txt", b"b")
    as_path("memory://b.txt").read_bytes()
    assert not part.exists()


def test_a_file_of_the_cache_that_the_disk_cut_is_fetched_anew(store):
    store.pipe("/a.txt", b"whole")
    path = as_path("memory://a.txt")
    Path(os.fspath(path)).write_bytes(b"wh")
    assert path.read_bytes() == b"whole"


def test_two_processes_may_fetch_the_same(store, monkeypatch):
    store.pipe("/a.txt", b"whole")
    path = as_path("memory://a.txt")
    fetch = object_cache.fetch

    def beaten(address, entry, place):
        monkeypatch.setattr(object_cache, "fetch", fetch)
        assert path.read_bytes() == b"whole"
        fetch(address, entry, place)

    monkeypatch.setattr(object_cache, "fetch", beaten)
    assert path.read_bytes() == b"whole"
