"""Nothing of a user's is written over: the same tests for every command and every file that it writes."""

import argparse
from pathlib import Path

import pytest

from hpa.cli import _import_command, available_commands, main
from tests.commands.output_cases import APPENDS, CASES, WRITES_NOTHING, WRITES_THE_CACHE, Case

FOREIGN = b"made by hand"
HERE = {name: case for name, case in CASES.items() if name.split()[0] in available_commands()}
OUTPUTS = [(name, output) for name, case in HERE.items() for output in case.outputs]
REFUSALS = (
    "was not made by",
    "new or empty",
    "holds",
    "is read by this command",
    "other settings",
    "is the folder of",
    "is there already",
)


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """Work in an empty folder, with a list of outputs of its own."""
    monkeypatch.setenv("HPA_CACHE", str(tmp_path / "cache"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def contents() -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(Path().rglob("*")) if path.is_file()}


def code_of(words) -> int:
    try:
        return main(list(words))
    except SystemExit as end:  # train and infer end as their scripts do
        return int(end.code or 0)


def require_refusal(words, capsys) -> None:
    """Run a command that must not change what is there, and must say why."""
    before = contents()
    capsys.readouterr()
    assert code_of(words) in (1, 2, 3)
    shown = capsys.readouterr()
    assert any(reason in shown.out + shown.err for reason in REFUSALS), shown
    after = contents()
    assert {path: after.get(path) for path in before} == before


def test_every_command_is_here() -> None:
    known = {name.split()[0] for name in CASES} | {*WRITES_NOTHING, *WRITES_THE_CACHE, *APPENDS}
    assert set(available_commands()) <= known, "add what a command writes to tests/commands/output_cases.py"


@pytest.mark.parametrize("command", WRITES_NOTHING)
def test_commands_that_only_print_have_no_option_for_a_file_to_write(command: str) -> None:
    parser = argparse.ArgumentParser()
    _import_command(command).add_arguments(parser)
    names = {name for action in parser._actions for name in (action.dest, *action.option_strings)}
    assert not names & {"--out", "--picture", "--overwrite", "file", "folder"}


@pytest.mark.parametrize(("name", "output"), OUTPUTS, ids=lambda value: value.replace(" ", "_"))
def test_a_file_of_the_user_is_kept(name: str, output: str, capsys) -> None:
    case = CASES[name]
    case.make()
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    Path(output).write_bytes(FOREIGN)
    require_refusal(case.words, capsys)


@pytest.mark.parametrize("name", [name for name, case in HERE.items() if case.onto_input is not None])
def test_an_input_is_never_an_output(name: str, capsys) -> None:
    case = CASES[name]
    case.make()
    if name in ("eda", "show"):  # a table may have any suffix
        Path("page.html").write_text("ID,ImageWidth,ImageHeight,PredictionString,Label\na,5,4,,1\n")
    require_refusal(case.onto_input, capsys)


def otherwise(spelled: str, how: str) -> str:
    """Return another spelling of a path: through a folder that is a link, or a link to the file itself."""
    path = Path(spelled)
    if how == "folder":
        Path("link").symlink_to(Path.cwd(), target_is_directory=True)
        return f"link/{path}"
    link = Path(f"alias{path.suffix}")
    link.symlink_to(path.resolve())
    return str(link)


@pytest.mark.parametrize("how", ["folder", "link"])
@pytest.mark.parametrize("name", [name for name, case in HERE.items() if case.onto_input is not None])
def test_an_input_by_another_spelling_is_never_an_output(name: str, how: str, capsys) -> None:
    case = CASES[name]
    case.make()
    if name in ("eda", "show"):
        Path("page.html").write_text("ID,ImageWidth,ImageHeight,PredictionString,Label\na,5,4,,1\n")
    words = list(case.onto_input or ())
    place = max(number for number, word in enumerate(words) if Path(word.rpartition("=")[2]).exists())
    key, equals, path = words[place].rpartition("=")
    words[place] = key + equals + otherwise(path, how)
    require_refusal(words, capsys)


def own_files(case: Case) -> list[str]:
    return [output for output in case.outputs if Path(output).is_file()]


@pytest.mark.parametrize(
    "name", [name for name, case in HERE.items() if case.runs and "--overwrite" in (case.onto_input or ())]
)
def test_what_the_command_made_itself_is_renewed_until_someone_changes_it(name: str, capsys) -> None:
    case = CASES[name]
    case.make()
    assert code_of(case.words) in (0, 3)
    made = own_files(case)
    assert made
    if name == "import":  # a new folder each time
        return
    assert code_of(case.words) in (0, 3)
    changed = made[-1]
    Path(changed).write_bytes(FOREIGN)
    if name != "segment":  # corrected label maps are kept, and the command goes on
        require_refusal(case.words, capsys)
    assert code_of([*case.words, "--overwrite"]) in (0, 3)
    assert Path(changed).read_bytes() != FOREIGN
