import json

import cv2
import numpy as np
import pytest

from hpa.cli import main


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
