import random

import pytest

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
