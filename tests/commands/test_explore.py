"""`hpa explore` as a process: what was corrected survives a kill, and one explorer writes a table."""

import http.client
import json
import re
import signal
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from hpa.cli import main
from hpa.corrections.table import read_corrections
from hpa.formats.label_maps import write_label_map
from hpa.sources.cell_classes import write_cell_classes

pytest.importorskip("uvicorn", reason='needs pip install "hpa-cells[explore]"')


@pytest.fixture
def label_maps(tmp_path):
    """Two images of three cells of two types."""
    for name in ("images", "maps"):
        (tmp_path / name).mkdir()
    cells = np.repeat(np.arange(4, dtype=np.int32), 10)[None].repeat(30, axis=0)
    for image_id in ("a", "b"):
        pixels = np.random.default_rng(0).integers(0, 255, cells.shape).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "images" / f"{image_id}.png")
        write_label_map(tmp_path / "maps" / f"{image_id}.tif", cells)
    write_cell_classes(tmp_path / "maps" / "classes.csv", [("a", 1, "HEK"), ("b", 2, "N2a")])
    return [str(tmp_path / "maps"), f"data.root={tmp_path / 'images'}"]


def started(words):
    command = [sys.executable, "-c", "import sys; from hpa.cli import main; sys.exit(main())", "explore", *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if found := re.search(r"open +http://127\.0\.0\.1:(\d+)/\?token=(\S+)", line):
            return process, int(found[1]), found[2]
    raise AssertionError("the explorer did not start")


def posted(port, token, content):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/correct", json.dumps(content), {"X-Hpa-Token": token})
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    assert answer.status == 200, body
    return body


@pytest.mark.slow
def test_what_was_answered_survives_a_kill_and_a_second_explorer_is_refused(tmp_path, label_maps, capsys):
    process, port, token = started(label_maps)
    posted(port, token, {"rows": [0, 5], "action": "classes", "value": ["N2a"]})
    assert main(["explore", *label_maps]) == 1
    assert f"process {process.pid}" in capsys.readouterr().err
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    images = read_corrections(tmp_path / "corrections.csv")
    assert {name: image.classes for name, image in images.items()} == {"a": {1: ("N2a",)}, "b": {3: ("N2a",)}}
    process, port, token = started(label_maps)  # the lock of the killed one is free
    assert posted(port, token, {"rows": [1], "action": "delete"})["changes"] == 2
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) in (0, 130, -15)
    process.stdout.close()


def test_corrections_of_another_segmentation_are_refused(tmp_path, label_maps, capsys):
    (tmp_path / "corrections.csv").write_text(
        "change,time,who,ID,segmentation,cell,action,value\n1,2026-01-01,me,a,0123,1,classes,HEK\n"
    )
    assert main(["explore", *label_maps]) == 1
    assert "another segmentation" in capsys.readouterr().err


@pytest.mark.parametrize("port", ["70000", "-1"])
def test_a_port_that_is_none_is_refused(label_maps, capsys, port):
    assert main(["explore", *label_maps, "--read-only", "--port", port]) == 1
    assert "--port" in capsys.readouterr().err


def test_a_submission_of_which_no_row_can_be_read_is_refused(tmp_path, label_maps, capsys):
    (tmp_path / "submission.csv").write_text("ID,ImageWidth,ImageHeight,PredictionString\na,40,30,0 nan eNo=\n")
    assert main(["explore", str(tmp_path / "submission.csv"), label_maps[1], "--read-only"]) == 1
    captured = capsys.readouterr()
    assert "left out   a: a confidence is NaN" in captured.out
    assert "there is no image to explore" in captured.err


def test_moved_images_are_reported_at_once(tmp_path, label_maps, capsys, monkeypatch):
    monkeypatch.setattr("uvicorn.Server.run", lambda *_, **__: None)
    for image in (tmp_path / "images").glob("*.png"):
        image.unlink()
    Image.fromarray(np.zeros((30, 40), np.uint8)).save(tmp_path / "images" / "other.png")
    assert main(["explore", *label_maps, "--read-only"]) == 0
    assert re.search(r"no picture .*give data\.root=DIR", capsys.readouterr().out)
