"""Stands in for `python` and `hpa` where the command blocks of pages run: the same words, of smaller sizes.

Called as `small_words.py PROGRAM WORDS…`; PROGRAM is the name that the shell found.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["--images", "16", "--test-images", "4", "--size", "256"]
HPA = [sys.executable, "-c", "from hpa.cli import main; raise SystemExit(main())"]


def smaller(words: list[str]) -> list[str]:
    """Return the words that are run for those of a page."""
    match words:
        case ["python", "train.py", *rest]:
            shrinks = not any(word.startswith(("--", "resume=", "size=")) for word in rest)
            return [sys.executable, str(ROOT / "train.py"), *rest, *(["size=tiny"] if shrinks else [])]
        case ["python", "infer.py", *rest]:
            return [sys.executable, str(ROOT / "infer.py"), *rest]
        case ["python", *rest]:
            return [sys.executable, *rest]
        case ["hpa", "synth", *rest] if "--layout" in rest:
            return [*HPA, "synth", *rest, "--images", "6", "--test-images", "2"]
        case ["hpa", "synth", *rest]:
            return [*HPA, "synth", *rest, *SMALL]
        case [_, *rest]:
            return [*HPA, *rest]
    raise SystemExit("no program")


if __name__ == "__main__":
    command = smaller(sys.argv[1:])
    os.execv(command[0], command)
