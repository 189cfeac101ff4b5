import json
import re

import cv2
import numpy as np
import pytest

from hpa.cli import main
from tests.browser import assert_quiet, opened


def explored(capsys, *words):
    code = main(["eda", *map(str, words), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_labels_alone_are_counted(tmp_path, capsys):
    (tmp_path / "train.csv").write_text("ID,Label\n" + "".join(f"a{k},0|5\n" for k in range(8)) + "b,18\nbad,99\n")
    code, found = explored(capsys, tmp_path)
    assert code == 0
    assert found["layout"] == "labels only"
    assert (found["classes"]["images"][0], found["classes"]["images"][18]) == (8, 1)
    assert found["classes"]["together"][0][5] == 8
    assert found["classes"]["sets"][0] == {"classes": "0|5", "images": 8}
    assert "unusable" in found["findings"][0]
    assert any("1 of class 18 (Negative)" in text for text in found["findings"])


def test_broken_and_doubled_images_are_named_and_ids_are_escaped(tmp_path, capsys):
    rng = np.random.default_rng(0)
    picture = cv2.GaussianBlur(rng.integers(0, 255, (64, 64)).astype(np.uint8), (0, 0), 3)
    for name, plane in (("a", picture), ("<b>b", picture), ("c", np.rot90(picture))):
        cv2.imwrite(str(tmp_path / f"{name}.png"), plane)
    (tmp_path / "broken.png").write_bytes(b"no image")
    page = tmp_path / "out" / "page.html"
    page.parent.mkdir()
    code, found = explored(capsys, tmp_path, "--out", page)
    assert code == 0
    assert [one["subject"] for one in found["bad"]] == ["broken"]
    assert [sorted(pair) for pair in found["duplicates"]] == [["<b>b", "a"]]
    assert found["sizes_px"] == {"64x64": 3}
    text = page.read_text()
    assert "&lt;b&gt;b" in text
    assert "<b>b<" not in text
    assert "<b>b " not in text
    assert "No training image has a class" in text


@pytest.mark.parametrize("name", ["none", "empty"])
def test_nothing_to_explore_is_an_error(tmp_path, capsys, name):
    (tmp_path / "empty").mkdir()
    assert main(["eda", str(tmp_path / name)]) == 1
    assert "check the path" in capsys.readouterr().err or name == "none"


@pytest.mark.parametrize(("width_px", "dark"), [(400, True), (1280, False)])
def test_the_page_is_read_in_a_browser_whatever_things_are_called(tmp_path, browser, width_px, dark):
    hostile = '<img src=x onerror="document.title=1">'
    rng = np.random.default_rng(0)
    for name in ("a" * 120, hostile.replace("/", "")):
        cv2.imwrite(str(tmp_path / f"{name}.png"), rng.integers(0, 255, (64, 64)).astype(np.uint8))
    page = tmp_path / "page.html"
    assert main(["eda", str(tmp_path), "--out", str(page)]) == 0
    with opened(browser, page, width_px, dark=dark) as tab:
        tab.press("Tab")
        assert tab.read("document.activeElement.className") == "skip"
        assert_quiet(tab, page)
        assert tab.read("document.title").startswith("Data set")
        assert tab.read("document.querySelectorAll('img[src=x]').length") == 0


def test_saturated_images_are_counted_in_a_sentence(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for number in range(4):
        picture = rng.integers(0, 200, (40, 40)).astype(np.uint8)
        picture[: 8 * number] = 255
        cv2.imwrite(str(tmp_path / f"{number}.png"), picture)
    _, found = explored(capsys, tmp_path)
    assert any(text.startswith("3 of 4 images are saturated (75 %)") for text in found["findings"])


@pytest.mark.parametrize("count", [2, 100])
def test_two_classes_and_a_hundred_classes_are_read_at_400_px(tmp_path, browser, count):
    """Imported images of two types, and of a hundred."""
    names = [f"a type with a long name {number}" for number in range(count)]
    (tmp_path / "images").mkdir()
    rows = ["ID,class,split,group,pixel_um"]
    for number in range(max(3, count)):
        rows.append(f"i{number},{names[number % count]},train,g{number},0.3")
        for channel in ("green", "blue"):
            picture = np.random.default_rng(number).integers(0, 200, (24, 24)).astype(np.uint8)
            cv2.imwrite(str(tmp_path / "images" / f"i{number}_{channel}.tif"), picture)
    (tmp_path / "index.csv").write_text("\n".join(rows))
    page = tmp_path / "page.html"
    assert main(["eda", str(tmp_path), "--out", str(page)]) == 0
    with opened(browser, page, width_px=400) as tab:
        assert_quiet(tab, page)
        assert tab.read("document.querySelectorAll('#classes tbody tr').length") >= count
        assert tab.read("document.querySelectorAll('#levels svg').length") == 2


def test_outlines_of_label_maps_stand_on_the_pictures(tmp_path):
    assert main(["synth", str(tmp_path / "set"), "--images", "4", "--size", "128", "--seed", "1"]) == 0
    pages = [tmp_path / "with.html", tmp_path / "without.html"]
    assert main(["eda", str(tmp_path / "set"), "--out", str(pages[0])]) == 0
    (tmp_path / "set" / "label_maps").rename(tmp_path / "elsewhere")
    assert main(["eda", str(tmp_path / "set"), "--out", str(pages[1])]) == 0
    pictures = [set(re.findall(r"data:image/webp;base64,[^\"]+", page.read_text())) for page in pages]
    assert pictures[0]
    assert not pictures[0] & pictures[1]


def test_labels_of_one_class_leave_nothing_to_learn_and_the_page_shows_so(tmp_path, browser):
    (tmp_path / "train.csv").write_text("ID,Label\n" + "".join(f"a{k},3\n" for k in range(8)))
    page = tmp_path / "page.html"
    assert main(["eda", str(tmp_path / "train.csv"), "--out", str(page)]) == 0
    with opened(browser, page, width_px=400) as tab:
        assert_quiet(tab, page)
        assert "nothing to distinguish" in tab.text(".findings")


@pytest.mark.slow
def test_several_processes_find_what_one_finds(tmp_path, monkeypatch, capsys):
    assert main(["synth", str(tmp_path / "set"), "--images", "12", "--size", "64", "--seed", "1"]) == 0
    found = []
    for alone_s in (float("inf"), 0.0):
        monkeypatch.setattr("hpa.intake.data_set.images._ALONE_S", alone_s)
        capsys.readouterr()
        assert main(["eda", str(tmp_path / "set"), "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1]
