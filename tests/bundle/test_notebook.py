import json
import sys

import pytest

from hpa.bundle.manifest import MANIFEST, write_manifest
from hpa.bundle.notebook import CHECK, PLACES, notebook_text
from tests.bundle.offline_machine import here


def test_the_notebook_has_the_parts_that_its_format_requires():
    content = json.loads(notebook_text())
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert len({cell["id"] for cell in content["cells"]}) == len(content["cells"])
    for cell in content["cells"]:
        code = {"execution_count", "outputs"} if cell["cell_type"] == "code" else set()
        assert cell.keys() == {"cell_type", "id", "metadata", "source"} | code
        assert all(line.endswith("\n") for line in cell["source"][:-1])
    assert [cell["cell_type"] for cell in content["cells"]].count("code") == 5


@pytest.fixture
def attached(tmp_path, monkeypatch):
    """A bundle and a competition where the notebook finds them."""
    bundle, fields = tmp_path / "datasets" / "me" / "bundle", tmp_path / "competitions" / "cells"
    (bundle / "weights").mkdir(parents=True)
    (bundle / "weights" / "a").write_text("weights")
    write_manifest(bundle, {"python": here()})
    fields.mkdir(parents=True)
    (fields / "sample_submission.csv").touch()
    monkeypatch.setenv("HPA_INPUT", str(tmp_path))
    return tmp_path


def carried_out(*cells):
    names = {}
    for cell in cells:
        exec(cell, names)
    return names


def test_the_attached_folders_are_found_and_the_files_checked(attached, capsys):
    names = carried_out(PLACES, CHECK)
    assert names["BUNDLE"] == attached / "datasets" / "me" / "bundle"
    assert names["FIELDS"] == attached / "competitions" / "cells"
    assert "1 files have the bundled content" in capsys.readouterr().out


def test_a_file_that_changed_on_its_way_is_named(attached):
    (attached / "datasets/me/bundle/weights/a").write_text("others")
    with pytest.raises(RuntimeError, match=r"weights/a is missing or differs"):
        carried_out(PLACES, CHECK)


def test_another_python_is_reported_with_the_remedy(attached):
    manifest = attached / "datasets/me/bundle" / MANIFEST
    manifest.write_text(manifest.read_text().replace(f'"{here()}"', '"3.99"'))
    with pytest.raises(RuntimeError, match=rf"for Python 3.99; .*--python 3.{sys.version_info.minor}"):
        carried_out(PLACES, CHECK)


@pytest.mark.parametrize("also", [None, "competitions/old"])
def test_none_or_two_competitions_are_refused(attached, also):
    if also:
        (attached / also).mkdir()
        (attached / also / "sample_submission.csv").touch()
    else:
        (attached / "competitions/cells/sample_submission.csv").unlink()
    with pytest.raises(RuntimeError, match=r"One folder with sample_submission\.csv is expected"):
        carried_out(PLACES)


def test_a_program_of_the_notebook_shows_what_it_says_and_its_code(attached, capfd):
    run = carried_out(PLACES)["run"]
    code = run("-c", "import os, sys; print('printed', os.environ['A'], file=sys.stderr); sys.exit(3)", A="b")
    assert code == 3
    assert "printed b" in capfd.readouterr().out
