"""`hpa show`: a page whose script runs in a real browser, without network, whatever classes and images are called."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest
from PIL import Image

from hpa.cli import main
from hpa.core.encoding import encode_mask
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.submission import parse_truth
from hpa.core.submission_table import PREDICTION_COLUMN, TRUTH_COLUMN, TableRow, read_table, write_table
from hpa.formats.label_maps import write_label_map
from hpa.reports.cell_page import CellPage, ShownImage
from hpa.sources.cell_classes import write_cell_classes

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
HOSTILE = '</script><img src=x onerror="document.title=1">'


def masks_of(count, side=40):
    masks = np.zeros((count, side, side), bool)
    for number in range(count):
        masks[number, 2 + number : 20 + number, 3:20] = True
    return list(masks)


def page_of(path, classes, confidences, image_id="a", truth=None):
    pixels = np.random.default_rng(0).integers(0, 255, (2, 40, 40)).astype(np.uint8)
    page = CellPage("Cells", "hpa show", classes)
    page.add(
        ShownImage(Field(image_id, pixels, ("green", "blue"), 0.1), masks_of(len(confidences)), confidences, truth)
    )
    page.write(path)
    return path.read_text()


def data_of(html):
    return json.loads(re.search(r'id="data">(.*?)</script>', html, re.DOTALL)[1])


def test_cells_are_listed_with_outlines_and_the_most_confident_class_first(tmp_path):
    confidences = np.array([[0.2, 0.9, np.nan], [np.nan, np.nan, np.nan]])
    truth = np.array([[1, 0, 0], [np.nan] * 3])
    [image] = data_of(page_of(tmp_path / "page.html", ["A", "B", "C"], confidences, truth=truth))["images"]
    assert [cell["scores"] for cell in image["cells"]] == [[[1, 0.9], [0, 0.2]], []]
    assert [cell["truth"] for cell in image["cells"]] == [[0], None]
    xs = image["cells"][0]["lines"][0][::2]
    assert (min(xs), max(xs)) == (4, 20) or (min(xs), max(xs)) == (3, 20) or (min(xs), max(xs)) == (4, 19)


def test_masks_of_another_size_are_refused():
    page = CellPage("Cells", "hpa show", ["A"])
    field = Field("a", np.zeros((1, 30, 40), np.uint8), ("green",), 0.1)
    with pytest.raises(InputError, match="another size"):
        page.add(ShownImage(field, masks_of(1), np.ones((1, 1))))


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
@pytest.mark.parametrize("count", [0, 3])
def test_the_script_runs_in_a_browser_and_nothing_hostile_does(tmp_path, count):
    classes = [HOSTILE, *(f"class {number}" for number in range(99))]
    confidences = np.full((count, 100), np.nan)
    confidences[:, 0] = 0.5
    page_of(tmp_path / "page.html", classes, confidences, image_id=HOSTILE)
    command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    profile = f"--user-data-dir={tmp_path / 'profile'}"
    done = subprocess.run(
        [*command, profile, (tmp_path / "page.html").as_uri()], capture_output=True, text=True, timeout=120, check=True
    )
    assert "CONSOLE" not in done.stderr
    assert f"{count} of {count} cells of this image shown" in done.stdout
    assert done.stdout.count('aria-label="Show cell ') == count
    assert "<img src=x" not in done.stdout
    assert "<title>Cells</title>" in done.stdout


def test_a_submission_whose_images_are_gone_says_so(tmp_path, capsys):
    mask = encode_mask(np.eye(4, 5, dtype=bool))
    write_table(tmp_path / "submission.csv", PREDICTION_COLUMN, [TableRow("a", 5, 4, f"2 0.5 {mask}")])
    command = ["show", str(tmp_path / "submission.csv"), f"data.root={tmp_path}", "--out", str(tmp_path / "page.html")]
    assert main(command) == 1
    assert "data.root=DIR" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


def test_a_synthetic_submission_is_shown_with_truth(tmp_path, capsys):
    assert main(["synth", str(tmp_path / "set"), "--images", "3", "--size", "128", "--seed", "1"]) == 0
    truth = tmp_path / "set" / "truth_train.csv"

    rows = []
    for row in read_table(truth, TRUTH_COLUMN):
        cells = parse_truth(row.text)
        words = [f"{index} 0.75 {mask}" for index, mask in zip(cells.classes, cells.masks, strict=True)]
        rows.append(TableRow(row.image_id, row.width, row.height, " ".join(words)))
    write_table(tmp_path / "submission.csv", PREDICTION_COLUMN, rows)
    out = tmp_path / "page.html"
    command = ["show", str(tmp_path / "submission.csv"), f"data.root={tmp_path / 'set'}", "--out", str(out)]
    assert main([*command, "--truth", str(truth)]) == 0
    images = data_of(out.read_text())["images"]
    assert [image["id"] for image in images] == [row.image_id for row in rows]
    for image in images:
        for cell in image["cells"]:
            assert cell["truth"] == sorted(index for index, _ in cell["scores"])
    assert "open it in a browser" in capsys.readouterr().out


def test_label_maps_are_shown_with_the_classes_of_their_table(tmp_path, capsys):
    (tmp_path / "images").mkdir()
    (tmp_path / "maps").mkdir()
    pixels = np.random.default_rng(0).integers(0, 255, (30, 40)).astype(np.uint8)
    label_map = np.zeros((30, 40), np.int32)
    label_map[2:12, 2:12], label_map[15:25, 20:35] = 1, 4
    for image_id, shape in (("a", slice(None)), ("b", slice(20))):
        Image.fromarray(pixels).save(tmp_path / "images" / f"{image_id}.png")
        write_label_map(tmp_path / "maps" / f"{image_id}.tif", label_map[shape])
    write_cell_classes(tmp_path / "maps" / "classes.csv", [("a", 1, "HEK"), ("a", 4, "N2a")])
    out = tmp_path / "page.html"
    assert main(["show", str(tmp_path / "maps"), f"data.root={tmp_path / 'images'}", "--out", str(out)]) == 3
    assert "b: masks are of another size" in capsys.readouterr().out
    [image] = data_of(out.read_text())["images"]
    assert [(cell["number"], cell["scores"]) for cell in image["cells"]] == [(1, [[0, 1.0]]), (4, [[1, 1.0]])]
