"""Random command lines end with an exit code and a sentence, never with a traceback.

`python -m tests.app.test_random_words train 300 7` tries 300 lines of seed 7, and prints those that break.
"""

import contextlib
import io
import random
import sys
import tempfile
from functools import cache
from pathlib import Path
from unittest.mock import patch

import pytest
from omegaconf import OmegaConf

import hpa.app.infer
import hpa.app.train
from hpa.app.main import infer_main, train_main
from hpa.overrides import compose_config, keys_of
from hpa.slots import choices, slots_of

ROOT = Path(__file__).resolve().parents[2]
MAIN = {"train": train_main, "infer": infer_main}
VALUES = [
    *("", "null", "true", "-1", "0", "1", "3.5", "1e400", "nan", "inf", "abc", "[]", "{}", "[1,2]", "[a,b]", "a,b"),
    *("{a:1}", "'", '"', "'a b'", "a b", "[", "]", "{", "(", "x=y", "${seed}", "${nothing}", "${oc.env:NONE}", "???"),
    *("${", "\\", "/", "..", "~", "é", "\u202e", "choice(1,2)", "range(0,2)", "interval(0,1)", "glob(*)", "%s", "$(x)"),
]
WORDS = ["", "=", "-x", "--nothing", "-m", "seed", "=1", "a.b.c=1", "++", "~", "~loss", "~model.head", "hydra=1", "''"]
PREFIXES = ["", "", "", "", "+", "++", "~", "-", "@"]


@cache
def material(script: str) -> tuple[list[str], dict[str, list[str]]]:
    """All keys of both tasks, and the choices of every slot."""
    group, more = ("task", []) if script == "train" else ("inference", ["ckpt=null"])
    keys = {
        key
        for task in ("cells", "pixels")
        for key in keys_of(
            OmegaConf.to_container(compose_config(ROOT, script, [f"{group}={task}", *more]), resolve=False)
        )
    }
    every = {slot: list(choices(ROOT / "conf", slot)) for slot in slots_of(ROOT / "conf", script)}
    return sorted(keys), {slot: names for slot, names in every.items() if names}


def word(draw: random.Random, script: str) -> str:
    keys, parts = material(script)
    kind = draw.random()
    if kind < 0.4:
        slot = draw.choice(sorted(parts))
        name = draw.choice(parts[slot])
        return f"{slot}={misspelt(draw, name) if draw.random() < 0.3 else name}"
    if kind < 0.9:
        key = draw.choice(keys)
        key = misspelt(draw, key) if draw.random() < 0.2 else key
        return f"{draw.choice(PREFIXES)}{key}{'' if draw.random() < 0.05 else '='}{draw.choice(VALUES)}"
    return draw.choice(WORDS)


def misspelt(draw: random.Random, text: str) -> str:
    place = draw.randrange(len(text))
    return text[:place] + draw.choice(["", "x", text[place] * 2]) + text[place + 1 :]


def ended(script: str, words: list[str], folder: Path) -> tuple[object, str]:
    """Return how a command line ends and what it prints; nothing is trained or predicted."""
    printed = io.StringIO()
    code: object = None
    with (
        contextlib.chdir(folder),
        patch.object(sys, "argv", [f"{script}.py", *words]),
        patch.object(hpa.app.train, "train", lambda *_: 0),
        patch.object(hpa.app.infer, "infer", lambda *_: 0),
        contextlib.redirect_stderr(printed),
        contextlib.redirect_stdout(printed),
    ):
        try:
            MAIN[script](ROOT)
        except SystemExit as end:
            code = end.code
    return code, printed.getvalue()


def ends_in_words(code: object, printed: str) -> bool:
    return code in (0, 1, 2) and not any(sign in printed for sign in ("Traceback", "HYDRA_FULL_ERROR", 'File "'))


def line(script: str, seed: int) -> list[str]:
    draw = random.Random(seed)
    return [*(["ckpt=null"] if script == "infer" else []), *(word(draw, script) for _ in range(draw.randint(1, 4)))]


@pytest.mark.parametrize(("script", "seed"), [("train", 1000), ("infer", 1003)])
def test_a_random_line_ends_with_a_sentence(script, seed, tmp_path):
    code, printed = ended(script, line(script, seed), tmp_path)
    assert ends_in_words(code, printed), (line(script, seed), code, printed)


def test_a_value_that_refers_to_nothing_is_named(tmp_path):
    code, printed = ended("train", ["model.drop_path_rate=${oc.env:NONE}"], tmp_path)
    assert code == 1
    assert printed.startswith("error: model.drop_path_rate: ")
    assert "Environment variable 'NONE' not found" in printed
    assert "Traceback" not in printed


def main(script: str, count: int, first: int) -> int:
    broken = 0
    for seed in range(first, first + count):
        words = line(script, seed)
        with tempfile.TemporaryDirectory() as folder:
            try:
                code, printed = ended(script, words, Path(folder))
                good = ends_in_words(code, printed)
            except BaseException as error:
                good, code, printed = False, type(error).__name__, repr(error)
        print(
            f"{'' if good else 'BROKEN '}{seed} {words} -> {code}\n    {printed[-600 if good else -3000 :]}", flush=True
        )
        broken += not good
    print(f"{broken} of {count} lines break")
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
