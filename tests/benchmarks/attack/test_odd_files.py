import random

import pytest

from benchmarks.attack import odd_files
from benchmarks.attack.figures import Outcome
from benchmarks.attack.isolation import NumberedRandom
from benchmarks.attack.odd_files import COMMANDS, KINDS, every_try, try_one

OF_RUNS = ("train", "infer", "export", "report", "compare", "qc", "eda")
CHEAP = [one for one in every_try() if not one[0].startswith(OF_RUNS) and "@run" not in one[0]]
DRAWN = [
    *random.Random(0).sample(CHEAP, 16),
    *(pytest.param(*one, marks=pytest.mark.thorough) for one in random.Random(0).sample(every_try(), 40)),
]


@pytest.mark.parametrize(("command", "name", "kind"), DRAWN)
def test_a_command_whose_input_is_no_plain_file_ends_in_words(command, name, kind, tmp_path):
    try_one(command, name, kind, tmp_path)


def test_every_command_and_kind_is_tried():
    assert {command for command, _, _ in every_try()} == {*COMMANDS}
    assert {kind for _, _, kind in every_try()} == {*KINDS}


def test_tries_are_in_the_same_order_in_every_process():
    names = [name for command, name, _ in every_try() if command == "doctor @set"]
    assert [*dict.fromkeys(names)] == ["set", "set/images/a.png", "set/index.csv", "set/labels/a.tif"]


def test_an_attack_tries_each_once_in_an_order_of_its_seed(tmp_path, monkeypatch):
    tried = []
    monkeypatch.setattr(odd_files, "try_one", lambda *one: tried.append(one[:3]) or Outcome.REFUSED)
    for number in range(len(every_try())):
        random = NumberedRandom(number)
        random.run_seed, random.number = 1, number
        odd_files.attempt(random, tmp_path)
    assert sorted(tried) == sorted({*every_try()})
    assert tried[:20] != [*odd_files.in_order(2)[:20]]
