"""Stands in for `python` and `hpa` where the command blocks of pages run: the same words, of smaller sizes.

Called as `small_words.py SOCKET PROGRAM WORDS…`; PROGRAM is the name that the shell found, SOCKET that of an
interpreter which has imported the project (`tests/warm.py`).
"""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["--images", "16", "--test-images", "4", "--size", "256"]
SMALLER = {"size=small": "size=tiny", "hydra.sweeper.n_trials=40": "hydra.sweeper.n_trials=2"}


def smaller(words: list[str]) -> list[str]:
    """Return the words that are run for those of a page."""
    words = [SMALLER.get(word, word) for word in words if word != "…"]
    match words:
        case ["python", "train.py", *rest]:
            shrinks = not any(word.startswith(("--", "resume=", "size=")) for word in rest)
            return ["train.py", *rest, *(["size=tiny"] if shrinks else [])]
        case ["python", "infer.py", *rest]:
            return ["infer.py", *rest]
        case ["python", *rest]:
            return [sys.executable, *(re.sub(r"^600$", "2", word) for word in rest)]
        case ["hpa", "synth", *rest] if "--layout" in rest:
            return [*words, "--images", "6", "--test-images", "2", "--size", "256"]
        case ["hpa", "synth", *rest] if rest[0] != "--world":
            return [*words, *SMALL]
        case ["hpa", "compose", *_]:
            return [*words, "--images", "12", "--size", "256", "--cells-per-field", "3-5"]
    return words


def looked_at(command: list[str]) -> int:
    """Start the server of `hpa explore`, fetch its page, end it as Ctrl-C does, and return its exit code."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        for line in server.stdout:
            if line.startswith("open "):
                with urlopen(line.split()[1]) as page:
                    assert page.status == 200
                server.send_signal(signal.SIGINT)
    return 0 if server.returncode in (0, 130) else server.returncode


if __name__ == "__main__":
    command = smaller(sys.argv[2:])
    if command[0] != sys.executable:
        command = [sys.executable, "-S", str(ROOT / "tests" / "warm.py"), sys.argv[1], *command]
    if sys.argv[2:4] == ["hpa", "explore"]:
        sys.exit(looked_at(command))
    os.execv(command[0], command)
