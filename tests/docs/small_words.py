"""Stands in for `python` and `hpa` where the command blocks of pages run: the same words, of smaller sizes.

Called as `small_words.py SOCKET PROGRAM WORDS…`; PROGRAM is the name that the shell found, SOCKET that of an
interpreter which has imported the project (`tests/warm.py`).
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["--images", "16", "--test-images", "4", "--size", "256"]


def smaller(words: list[str]) -> list[str]:
    """Return the words that are run for those of a page."""
    match words:
        case ["python", "train.py", *rest]:
            shrinks = not any(word.startswith(("--", "resume=", "size=")) for word in rest)
            return ["train.py", *rest, *(["size=tiny"] if shrinks else [])]
        case ["python", "infer.py", *rest]:
            return ["infer.py", *rest]
        case ["python", *rest]:
            return [sys.executable, *rest]
        case ["hpa", "synth", *rest] if "--layout" in rest:
            return [*words, "--images", "6", "--test-images", "2"]
        case ["hpa", "synth", *rest]:
            return [*words, *SMALL]
    return words


if __name__ == "__main__":
    command = smaller(sys.argv[2:])
    if command[0] != sys.executable:
        command = [sys.executable, "-S", str(ROOT / "tests" / "warm.py"), sys.argv[1], *command]
    os.execv(command[0], command)
