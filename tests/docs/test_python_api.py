"""The blocks of the page on Python run as they stand there; the training is made smaller."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "python_api.md"
SMALLER = {
    '"run_dir": "runs/first"': '"run_dir": "runs/first", "model": "tiny", "crop.side_px": 32, "trainer.max_epochs": 1, '
    '"loading.workers": 0, "report": False, "store.folder": "store"',
    "images=44": "images=16",
}


@pytest.mark.slow
def test_the_blocks_of_the_page_run(tmp_path, monkeypatch):
    pytest.importorskip("anndata")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    program = "\n".join(blocks)
    for given, smaller in SMALLER.items():
        assert given in program
        program = program.replace(given, smaller)
    names: dict[str, object] = {}
    exec(compile(program, str(PAGE), "exec"), names)
    assert names["score"].map > 0
    assert (tmp_path / "submission.csv").is_file()
