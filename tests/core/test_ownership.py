"""Whose config may name files."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from hpa.core.errors import InputError
from hpa.core.ownership import is_own, require_no_paths, seal_of

CONFIG = {"data": {"root": "/home/other/set", "extra": ["~/more"]}, "seed": 1}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "own"))
    return tmp_path


def test_what_this_user_sealed_is_own_until_it_is_changed(home, monkeypatch):
    seal = seal_of(CONFIG)
    assert seal == seal_of(CONFIG)
    assert is_own(CONFIG, seal)
    assert not is_own(CONFIG | {"seed": 2}, seal)
    assert not any(is_own(CONFIG, other) for other in ("", None, 7, seal[:-1], "é"))
    assert stat.S_IMODE((home / "own" / "hpa" / "key").stat().st_mode) == 0o600
    assert [path.name for path in (home / "own" / "hpa").iterdir()] == ["key"]
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "other"))
    assert not is_own(CONFIG, seal)
    assert seal_of(CONFIG) != seal


def test_where_no_key_can_be_kept_nothing_is_own(home, monkeypatch):
    (home / "file").touch()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "file"))
    assert seal_of(CONFIG) == ""
    assert not is_own(CONFIG, "")


def test_all_runs_are_trusted_on_request_only(home, monkeypatch):
    monkeypatch.setenv("HPA_TRUST_RUNS", "0")
    assert not is_own({"root": "a"}, "")
    monkeypatch.setenv("HPA_TRUST_RUNS", "1")
    assert is_own({"root": "a"}, "")


def test_paths_of_another_are_named_with_the_words_to_give_them(home):
    with pytest.raises(InputError, match=r"root=/home/other/set, data.extra=~/more.*data=NAME data.root=… data.extra="):
        require_no_paths(CONFIG["data"], "data", home / "a.ckpt")
    with pytest.raises(InputError, match=r"names data.extra=~/more; "):
        require_no_paths(CONFIG, "", home, frozenset({"data.root"}))
    require_no_paths(CONFIG, "", home, frozenset({"data.root", "data.extra"}))


@pytest.mark.parametrize(
    "value", ["/etc/passwd", "../x", "a/b", "a\\b", "~root", ".", "..", {"inner": {"folder": "x"}}, ["/dev/zero"]]
)
def test_whatever_looks_like_a_path_is_one(home, value):
    with pytest.raises(InputError, match="files that others name are not opened"):
        require_no_paths({"anything": value}, "segmenter", home)


@pytest.mark.parametrize("part", [{}, {"weights": "hub:subcell"}, {"root": None}, {"root": ""}, {"reach_um": 20.0}])
def test_parts_without_paths_are_taken_over(home, part):
    require_no_paths(part, "segmenter", home)
