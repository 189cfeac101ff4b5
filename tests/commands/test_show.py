"""`hpa show`: a page whose script runs in a real browser, without network, whatever classes and images are called."""

import json
import re

import numpy as np
import pytest
from PIL import Image

from hpa.cli import main
from hpa.core.encoding import encode_mask
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.submission import parse_truth
from hpa.core.submission_table import PREDICTION_COLUMN, TRUTH_COLUMN, TableRow, read_table, write_table
from hpa.formats.coco_file import LabelledImage, write_coco
from hpa.formats.label_maps import write_label_map
from hpa.reports.cell_page import CellPage, ShownImage
from hpa.sources.cell_classes import write_cell_classes
from tests.browser import assert_quiet, opened

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


def test_without_classes_the_page_is_quiet_about_them(tmp_path):
    html = page_of(tmp_path / "page.html", [], np.zeros((2, 0)))
    text = re.sub(
        r"<(section|label)[^>]* hidden>.*?</\1>|<style>.*?</style>|<script.*?</script>", "", html, flags=re.DOTALL
    )
    assert "The cells have no classes" in text
    assert "onfidence" not in text
    assert "probable class" not in text


def test_masks_of_another_size_are_refused():
    page = CellPage("Cells", "hpa show", ["A"])
    field = Field("a", np.zeros((1, 30, 40), np.uint8), ("green",), 0.1)
    with pytest.raises(InputError, match="another size"):
        page.add(ShownImage(field, masks_of(1), np.ones((1, 1))))


@pytest.mark.parametrize("count", [0, 3])
def test_the_script_runs_in_a_browser_and_nothing_hostile_does(tmp_path, browser, count):
    classes = [HOSTILE, *(f"class {number}" for number in range(99))]
    confidences = np.full((count, 100), np.nan)
    confidences[:, 0] = 0.5
    path = tmp_path / "page.html"
    page_of(path, classes, confidences, image_id=HOSTILE)
    with opened(browser, path, width_px=400) as tab:
        assert_quiet(tab, path)
        assert f"{count} of {count} cells" in tab.text("#shown")
        assert tab.read("document.querySelectorAll('#cells button').length") == count
        assert tab.read("document.querySelectorAll('img').length") == 0
        assert tab.read("document.title") == "Cells"


def test_clicks_and_keys_filter_zoom_and_export(tmp_path, browser):
    confidences = np.array([[0.2, 0.9], [0.8, np.nan], [np.nan, np.nan]])
    path = tmp_path / "page.html"
    page_of(path, ["=A", "B"], confidences)
    with opened(browser, path) as tab:
        tab.choose("#class", "1")
        assert "1 of 3 cells" in tab.text("#shown")
        tab.choose("#class", "")
        tab.choose("#confidence", 0.85)
        assert "1 of 3 cells" in tab.text("#shown")
        tab.choose("#confidence", 0)
        tab.click("#canvas")
        for key, zoomed in (("+", True), ("0", False)):
            tab.press(key)
            assert tab.read("state.zoom > 1") == zoomed
        tab.wheel("#canvas", -100)
        tab.wait("state.zoom > 1")
        tab.press("ArrowRight")
        assert tab.read("state.x") > 0
        tab.click("#cells tr:nth-child(2) button")
        assert tab.read("document.querySelector('#cells tr[aria-selected=true] button').textContent") == "2"
        tab.click("#channels input[type=checkbox]")
        tab.click("#export")
        lines = tab.downloaded("cells.csv").splitlines()
        assert lines[0] == "ID,cell,class,confidence"
        assert lines[1] == '"a",1,"B",0.9'
        assert lines[2].startswith('"a",2,"\'=A"')
        assert_quiet(tab, path)


def test_a_submission_whose_images_are_gone_says_so(tmp_path, capsys):
    mask = encode_mask(np.eye(4, 5, dtype=bool))
    write_table(tmp_path / "submission.csv", PREDICTION_COLUMN, [TableRow("a", 5, 4, f"2 0.5 {mask}")])
    command = ["show", str(tmp_path / "submission.csv"), f"data.root={tmp_path}", "--out", str(tmp_path / "page.html")]
    assert main(command) == 1
    assert "data.root=DIR" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("root", "confidence", "words"),
    [("gone", "0.5", "gone: there is no such folder"), ("images", "nan", "a: a confidence is NaN or infinite")],
)
def test_the_error_names_what_prevents_a_page(root, confidence, words, tmp_path, capsys):
    (tmp_path / "images").mkdir()
    Image.fromarray(np.zeros((4, 5), np.uint8)).save(tmp_path / "images" / "a_green.png")
    mask = encode_mask(np.eye(4, 5, dtype=bool))
    write_table(tmp_path / "mixed.csv", PREDICTION_COLUMN, [TableRow("a", 5, 4, f"0 {confidence} {mask}")])
    command = ["show", str(tmp_path / "mixed.csv"), f"data.root={tmp_path / root}", "--out", str(tmp_path / "p.html")]
    assert main(command) == 1
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("layout", "names"), [("typed", ["HEK", "N2a"]), ("plain", ["0", "1"]), ("instances", ["instance", "-"])]
)
def test_a_submission_is_shown_with_images_of_any_layout(tmp_path, layout, names):
    images = tmp_path / "my set" / "images"
    images.mkdir(parents=True)
    for image_id in ("a", "b"):
        for channel in ("_green", "_blue") if layout != "instances" else ("",):
            Image.fromarray(np.full((4, 5), 9, np.uint8)).save(images / f"{image_id}{channel}.png")
    if layout == "typed":
        (images.parent / "index.csv").write_text("ID,class,split,group,pixel_um\na,HEK,,,0.5\nb,N2a,,,0.5\n")
    if layout == "instances":
        write_label_map(images.parent / "labels" / "a.png", np.eye(4, 5, dtype=np.int32))
    mask = encode_mask(np.eye(4, 5, dtype=bool))
    index = names.index(names[1]) if layout != "instances" else 0
    write_table(tmp_path / "mixed.csv", PREDICTION_COLUMN, [TableRow("a", 5, 4, f"{index} 0.5 {mask}")])
    out = tmp_path / "page.html"
    assert main(["show", str(tmp_path / "mixed.csv"), f"data.root={images.parent}", "--out", str(out)]) == 0
    shown = data_of(out.read_text())
    [cell] = shown["images"][0]["cells"]
    assert [shown["classes"][cell["scores"][0][0]]["name"], cell["scores"][0][1]] == [names[index], 0.5]


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


def test_other_segmentations_are_drawn_beside_and_compared(tmp_path, browser, capsys):
    (tmp_path / "images").mkdir()
    own, other = np.zeros((30, 40), np.int32), np.zeros((30, 40), np.int32)
    own[2:12, 2:12], own[15:25, 20:35] = 1, 4
    other[2:12, 2:12], other[15:25, 20:27], other[15:25, 27:35] = 5, 1, 2
    for image_id in ("a", "b"):
        Image.fromarray(np.full((30, 40), 9, np.uint8)).save(tmp_path / "images" / f"{image_id}.png")
        write_label_map(tmp_path / "own" / f"{image_id}.tif", own)
    write_label_map(tmp_path / "<i>other" / "a.tif", other)
    write_label_map(tmp_path / "small" / "a.tif", other[:20])
    write_label_map(tmp_path / "small" / "b.tif", own)
    words = ["show", str(tmp_path / "own"), f"data.root={tmp_path / 'images'}", "--out", str(tmp_path / "page.html")]
    beside = ["--beside", str(tmp_path / "<i>other")]
    assert main([*words, *beside, "--beside", str(tmp_path / "small")]) == 3
    assert "small: segmentations of one image have one size in px, came 40×30 and 40×20" in capsys.readouterr().out
    assert main([*words, *beside, "--overwrite"]) == 0
    with opened(browser, tmp_path / "page.html") as tab:
        caption = "document.querySelector('canvas.other').nextElementSibling.innerText"
        assert tab.read(caption).endswith("<i>other: 3 cells for 2: 2 matched, 1 split, 0 merged")
        drawn = "document.querySelector('canvas.other').getContext('2d').getImageData(0, 0, 80, 60).data"
        tab.wait(f"[...{drawn}].some((value) => value > 200)")
        tab.choose("#image", 1)
        assert tab.read(caption).endswith("no cells of this image")
        assert_quiet(tab, tmp_path / "page.html")


def test_instances_are_shown_beside_their_truth(tmp_path, browser):
    """What a detector writes, and the true instances in another order and with a class that is never predicted."""
    (tmp_path / "images").mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (60, 80)).astype(np.uint8)).save(
        tmp_path / "images/a.png"
    )
    found, true = np.zeros((60, 80), np.int32), np.zeros((60, 80), np.int32)
    found[5:25, 5:25], found[30:50, 40:70] = 1, 2
    true[30:50, 41:70], true[5:26, 5:25], true[52:58, 2:12] = 1, 2, 3
    names = ["<b>HEK", "N2a"]
    write_coco(tmp_path / "found.json", [LabelledImage("a.png", found, names, [0.9, 0.4])], names)
    write_coco(tmp_path / "true.json", [LabelledImage("a.png", true, ["N2a", "N2a", "<b>HEK"])], names)
    page = tmp_path / "page.html"
    words = [f"data.root={tmp_path}", "--truth", str(tmp_path / "true.json"), "--out", str(page)]
    assert main(["show", str(tmp_path / "found.json"), *words]) == 0
    with opened(browser, page) as tab:
        rows = "[...document.querySelectorAll('#cells tr')].map((row) => row.innerText.replace(/\\s+/g, ' ').trim())"
        assert tab.read(rows) == ["1 <b>HEK 0.90 N2a", "2 N2a 0.40 N2a"]
        counts = "[...document.querySelectorAll('#table tr')].map((row) => row.innerText.replace(/\\s+/g, ' ').trim())"
        assert tab.read(counts) == ["<b>HEK 1 1 1 1", "N2a 1 1 2 2"]
        drawn = "document.querySelector('#true-canvas').getContext('2d').getImageData(0, 0, 160, 120).data"
        tab.wait(f"[...{drawn}].some((value) => value > 100)")
        tab.click("#canvas", at=(0.7, 0.65))
        assert tab.read("state.selected") == 2
        tab.click("#canvas", at=(0.02, 0.02))
        assert tab.read("state.selected") == 0
        assert "--truth" in tab.text(".command")
        assert_quiet(tab, page)


def test_truth_with_other_classes_is_refused(tmp_path, capsys):
    (tmp_path / "images").mkdir()
    Image.fromarray(np.zeros((60, 80), np.uint8)).save(tmp_path / "images" / "a.png")
    cell = np.pad(np.ones((9, 9), np.int32), ((0, 51), (0, 71)))
    for name, kind in (("found", "HEK"), ("true", "U2OS")):
        write_coco(tmp_path / f"{name}.json", [LabelledImage("a.png", cell, [kind])], [kind])
    words = [f"data.root={tmp_path}", "--truth", str(tmp_path / "true.json"), "--out", str(tmp_path / "page.html")]
    assert main(["show", str(tmp_path / "found.json"), *words]) == 1
    assert "class U2OS is none of the predictions" in capsys.readouterr().err


def test_the_weakest_class_is_named_with_what_it_is_taken_for_and_its_cells_are_shown_at_a_click(tmp_path, browser):
    """Of four cells one is Nucleoli, less confident of it than one that is not; one shows both classes."""
    confidences = np.array([[0.9, 0.3, 0.1], [0.8, 0.2, 0.1], [0.7, 0.25, 0.1], [0.9, 0.8, 0.1]])
    truth = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]], float)
    page_of(tmp_path / "page.html", ["Cytosol", "Nucleoli", "Vesicles"], confidences, truth=truth)
    with opened(browser, tmp_path / "page.html") as tab:
        assert re.search(r"images?, \d+ cells\.", tab.text("main"))
        assert tab.read("document.querySelector('.weakest li').innerText") == (
            "Show Nucleoli 0.83, 2 cells; 1 of them is taken for Cytosol"
        )
        assert tab.read("document.querySelectorAll('.weakest li').length") == 2  # no cell shows the third class
        tab.read("document.querySelector('.weakest button').click()")
        assert tab.read("document.getElementById('shown').textContent") == "2 of 4 cells of this image shown"
        assert tab.read("document.querySelector('#cells th').textContent") == "3"
        assert_quiet(tab, tmp_path / "page.html")
