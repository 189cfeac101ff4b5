"""Every command line on the pages is one that its program accepts: overrides compose, options parse. Nothing is run."""

import contextlib
import io
import re
import shlex
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from hpa import cli
from hpa.overrides import as_choice
from tests.docs.test_references import PAGES

ROOT = Path(__file__).resolve().parents[2]
RECIPES = [
    # tests/test_configs.py composes every recipe; words that a header adds to it take as long to compose
    pytest.param(recipe, marks=pytest.mark.thorough)
    for recipe in sorted((ROOT / "experiments").rglob("*.yaml"))
]
OF_A_READER = re.compile(r"\b(ranked|bounded)\b")
"""The strategy and the loss that two pages add; their commands have tests of their own."""


def commands(text: str) -> list[str]:
    """Return the command lines of code blocks and of recipes' headers; variables of the shell are filled in."""
    for name, value in re.findall(r"^([A-Z]+)='([^']*)'$", text, flags=re.MULTILINE):
        text = text.replace(f"${name}", value)
    blocks = re.findall(r"```(?:sh|bash)?\n(.*?)```", text, flags=re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"^    ((?:python|hpa) .+)$", text, flags=re.MULTILINE)
    lines += re.findall(r"^# Command: +(.+)$", text, flags=re.MULTILINE)
    starts = ("python train.py ", "python infer.py ", "hpa ")
    return [line.strip() for line in lines if line.strip().startswith(starts) and not OF_A_READER.search(line)]


def arguments_of(line: str) -> list[str]:
    return [word for word in shlex.split(line, comments=True) if word not in ("…", "...")]


def composes(script: str, words: list[str]) -> None:
    if words[:1] == ["-m"]:  # the first job of a sweep
        words = [re.sub(r"=([^\[{]*?),.*", r"=\1", word) for word in words[1:]]
    if any(word.startswith(("resume=", "--")) for word in words):
        return
    words = [as_choice(word, ROOT / "conf") for word in words]
    if script == "infer" and any(word.startswith(("data=hubmap", "thresholds=")) for word in words):
        words = ["inference=pixels", *words]  # infer.py reads this from the run
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        compose(script, overrides=[f"hydra.searchpath=[file://{ROOT}]", *words])


def parses(words: list[str]) -> None:
    shown = io.StringIO()
    code: str | int | None = 0
    with contextlib.redirect_stderr(shown):
        try:
            cli._arguments(cli._parser(words[0]), words)
        except SystemExit as stop:
            code = stop.code
    assert code == 0, shown.getvalue()


@pytest.mark.parametrize("page", [*PAGES, *RECIPES], ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_are_accepted(page):
    for line in commands(page.read_text()):
        program, *words = arguments_of(line)
        try:
            if program == "hpa" and words[0] in ("train", "infer"):
                composes(words[0], words[1:])
            elif program == "hpa":
                parses(words)
            else:
                composes(Path(words[0]).stem, words[1:])
        except Exception as error:
            raise AssertionError(f"{line}\n{error}") from error


def test_a_command_that_is_not_accepted_is_found():
    with pytest.raises(Exception, match="nothing"):
        composes("train", ["loss=nothing"])
    with pytest.raises(AssertionError, match="no-such-option"):
        parses(["score", "a.csv", "b.csv", "--no-such-option"])
