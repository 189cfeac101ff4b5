import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hpa.cli import available_commands, main
from hpa.formats.label_maps import write_label_map

ROOT = Path(__file__).resolve().parents[1]


def test_commands_are_named_with_dashes_and_have_a_help_line():
    commands = available_commands()
    assert {"score", "lint"} <= set(commands)
    assert all(line and "_" not in name for name, line in commands.items())


def test_unusable_input_is_reported_on_stderr(tmp_path, capsys):
    assert main(["score", str(tmp_path / "none.csv"), str(tmp_path / "none.csv")]) == 1
    assert "the file is missing" in capsys.readouterr().err


def test_a_device_that_never_ends_is_no_input_and_no_output(tmp_path, capsys):
    (tmp_path / "null").symlink_to(os.devnull)
    for words in (["lint", "/dev/zero", "--sample", "/dev/zero"], ["synth", str(tmp_path / "null")]):
        assert main([*words, *(["--images", "2", "--size", "32", "--seed", "1"] if words[0] == "synth" else [])]) == 1
        assert f"{words[1]}: a file is expected, this is a device" in capsys.readouterr().err
    assert (tmp_path / "null").is_char_device()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ([], 2, "score-segmentation"),
        (["scor"], 2, "there is no 'scor'; did you mean score?"),
        (["new", "los", "x"], 2, "there is no 'los'; did you mean loss?"),
        (["zzzz"], 2, "there is no 'zzzz'; choose from bundle, coco"),
        (["score"], 2, "required: submission"),
        (["--help"], 0, ""),
    ],
)
def test_usage(words, code, told, capsys):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == code
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("script", ["train", "infer"])
def test_the_scripts_are_commands_too(script, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", [])
    with pytest.raises(SystemExit) as caught:
        main([script, "--help"])
    assert caught.value.code == 0
    assert f"usage: python {script}.py" in capsys.readouterr().out


def test_options_of_hydra_reach_it(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", [])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HPA_ROOT", str(ROOT))
    with pytest.raises(SystemExit) as caught:
        main(["train", "loss=asymmetric", "--cfg", "job", "--package", "loss"])
    assert caught.value.code == 0
    assert "hpa.losses.asymmetric.AsymmetricLoss" in capsys.readouterr().out


@pytest.mark.parametrize("module", ["hpa", "hpa.cli"])
def test_an_interpreter_runs_the_command_as_a_module(module):
    done = subprocess.run([sys.executable, "-m", module, "nonsense"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "hpa: error" in done.stderr


def test_neither_help_nor_score_waits_for_torch():
    program = (
        "import sys; from hpa.cli import main, available_commands; available_commands();"
        "import hpa.commands.score, hpa.commands.lint, hpa.core.dihedral, hpa.core.matching;"
        "sys.exit('torch' in sys.modules or 'pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("sigint_enabled")
def test_an_interrupt_ends_with_the_code_of_shells(tmp_path, number):
    """A word of the command says when it is surely under way."""
    program = (
        "import time; import hpa.commands.score as score; from hpa.cli import main\n"
        "score.run = lambda arguments: (print('reads', flush=True), time.sleep(60))\n"
        "raise SystemExit(main())"
    )
    words = [sys.executable, "-c", program, "score", "s.csv", str(tmp_path / "truth.csv")]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "reads\n"
    process.send_signal(number)
    _, message = process.communicate(timeout=60)
    assert process.returncode == 130
    assert message == "hpa score: interrupted\n"


def test_a_terminal_that_does_not_know_every_letter_is_no_error(tmp_path):
    header = "ID,ImageWidth,ImageHeight,PredictionString\n"
    (tmp_path / "µ.csv").write_text(f"{header}a,4,4,0 1 ????\n")
    words = ["lint", str(tmp_path / "µ.csv"), "--sample", str(tmp_path / "µ.csv")]
    program = f"import sys; from hpa.cli import main; sys.exit(main({words!r}))"
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1
    assert "defect   row 2 (a): mask '????'\\u2026" in done.stdout
    assert done.stderr == ""


def test_what_the_system_refuses_is_named_without_a_traceback(tmp_path, capsys):
    write_label_map(tmp_path / "a.tif", np.ones((4, 4), np.int32))
    assert main(["coco", "export", str(tmp_path), str(tmp_path / ("x" * 300))]) == 1
    assert "File name too long; check the path" in capsys.readouterr().err


def test_names_of_files_that_are_no_utf8_are_refused_at_the_start(monkeypatch, capsys):
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "ascii")
    assert main(["score", "a.csv", "b.csv"]) == 2
    assert "names of files are read as ascii here, UTF-8 is expected; unset PYTHONUTF8" in capsys.readouterr().err
