import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("words", [["--help"], ["--cfg", "job"], ["model=resnt50"]])
@pytest.mark.parametrize("script", ["train.py", "infer.py"])
def test_nobody_waits_for_torch_to_be_helped(script, words):
    program = (
        "import atexit, os, runpy, sys; atexit.register(lambda: 'torch' in sys.modules and os._exit(77));"
        f"sys.argv = {[script, *words]}; runpy.run_path({str(ROOT / script)!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == (2 if "=" in words[0] else 0), done.stderr
