from __future__ import annotations

import json
from pathlib import Path

import pytest

from hpa.config import plain
from hpa.core.errors import InputError
from hpa.stages.rounds import Rounds
from hpa.stages.teachers import members_of, require_same_classes


def run_of(folder: Path, class_names: list[str], members: list[str] | None = None) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("{}")
    (folder / "run.json").write_text(json.dumps({"class_names": class_names, "members": members or []}))
    return folder


def test_teachers_of_the_same_classes_pass(tmp_path):
    run = run_of(tmp_path / "run", ["a", "b"])
    require_same_classes({"parts": {"weak": {"teacher": {"runs": [str(run)]}}}, "weight": 1.0}, ["a", "b"])
    require_same_classes({"teacher": {"runs": []}, "loss": None}, ["a", "b"])


@pytest.mark.parametrize("members", [["../other"], ["stages/../../other"], [5], "stages/0"])
def test_members_lie_in_their_chain(tmp_path, members):
    with pytest.raises(InputError, match=r"run\.json: 'members'"):
        members_of(run_of(tmp_path / "chain", ["a"], members))


@pytest.mark.parametrize("names", [["b", "a"], ["a"], ["a", "c"]])
def test_teachers_of_other_classes_are_refused_wherever_they_are_named(tmp_path, names):
    chain = run_of(tmp_path / "chain", names, ["stages/0"])
    member = run_of(chain / "stages" / "0", names)
    for strategy in (
        {"runs": [str(member)]},
        {"teacher": {"runs": [str(chain)]}},
        {"parts": {"a": {"teacher": {"runs": [str(member)]}}}},
    ):
        with pytest.raises(InputError, match="the same ones in the same order"):
            require_same_classes(strategy, ["a", "b"])


def test_a_chain_refuses_them_before_it_trains(tmp_path, composed):
    teacher = run_of(tmp_path / "teacher", ["b", "a"])
    words = ["stages=rounds", "supervision=pseudo_label", "supervision/teacher=out_of_fold"]
    config = plain(composed("train", *words, f"supervision.teacher.runs=[{teacher}]", "size=tiny", "model=tiny"))
    stages = {key: value for key, value in config["stages"].items() if not key.startswith("_")}

    def train(config, folder) -> int:
        raise AssertionError("trained")

    with pytest.raises(InputError, match="the same ones in the same order"):
        Rounds(**stages).run(config | {"run_dir": str(tmp_path / "run")}, tmp_path / "run", train)
