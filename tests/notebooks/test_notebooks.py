"""The notebooks run from their first cell to their last, at small sizes; what is kept of them holds no outputs."""

import json
import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SMALLER = {"IMAGES": 16, "EPOCHS": 1}


def cells_of(path: Path) -> list[dict]:
    return json.loads(path.read_text())["cells"]


def code_of(path: Path) -> str:
    return "\n".join("".join(cell["source"]) for cell in cells_of(path) if cell["cell_type"] == "code")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_holds_no_outputs_and_sets_its_sizes_once(path):
    for cell in cells_of(path):
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
    for name in SMALLER:
        assert len(re.findall(rf"^{name} = \d+$", code_of(path), flags=re.MULTILINE)) == 1


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_uses_the_python_interface_alone(path):
    """A class that a notebook writes into a package may be written against the parts; the notebook itself is not.

    Figures are functions of a module of their own.
    """
    outside_of_texts = re.sub(r"'''.*?'''", "", code_of(path), flags=re.DOTALL)
    assert "import hpa\n" in outside_of_texts
    assert not re.findall(r"^\s*(?:from|import) hpa\.(?!reports import figures$)", outside_of_texts, flags=re.MULTILINE)
    assert not re.findall(r"^[!%]", outside_of_texts, flags=re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [pytest.param(path, marks=[] if path.stem == "first_submission" else pytest.mark.thorough) for path in NOTEBOOKS],
    ids=lambda path: path.stem,
)
def test_it_runs(path, tmp_path, monkeypatch):
    nbformat = pytest.importorskip("nbformat")
    client = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    monkeypatch.setenv("HPA_CACHE", str(tmp_path / "cache"))
    book = nbformat.read(path, as_version=4)
    for cell in book.cells:
        for name, value in SMALLER.items():
            cell.source = re.sub(rf"^{name} = \d+$", f"{name} = {value}", cell.source, flags=re.MULTILINE)
    resources = {"metadata": {"path": str(tmp_path)}}
    client.NotebookClient(book, timeout=600, kernel_name="python3", resources=resources).execute()
    assert not [out for cell in book.cells for out in cell.get("outputs", []) if out["output_type"] == "error"]
