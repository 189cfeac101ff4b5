import json

import numpy as np
import pytest

from hpa.cli import main
from hpa.formats.coco_file import LabelledImage, write_coco

NAMES = ["HEK", "N2a"]


def squares(count, shift=0):
    """Return a label map of separate squares in rows of twenty."""
    label_map = np.zeros((8 * -(-count // 20), 160), np.int32)
    for cell in range(count):
        top, left = 8 * (cell // 20) + 1, 8 * (cell % 20) + 1 + shift
        label_map[top : top + 5, left : left + 5] = cell + 1
    return label_map


def written(path, images, names=NAMES):
    write_coco(path, [LabelledImage(f"{name}.tif", *rest) for name, *rest in images], names)
    return str(path)


def scored(capsys, *words):
    assert main(["score-instances", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_ap_confusion_missed_and_lone_are_shown(tmp_path, capsys):
    label_map, found = squares(4), squares(4)
    found[found == 4] = 0
    found[6, 100:103] = 4
    truth = written(tmp_path / "truth.json", [("a", label_map, ["HEK", "HEK", "N2a", "N2a"])])
    others = ("b", label_map, ["HEK"] * 4, [0.1] * 4)
    result = written(tmp_path / "r.json", [others, ("a", found, ["HEK", "N2a", "N2a", "N2a"], [0.9, 0.8, 0.7, 0.6])])
    shown = scored(capsys, result, truth)
    assert (shown["images"], shown["not_in_truth"]) == (1, 1)
    hek, n2a = shown["classes"]["HEK"], shown["classes"]["N2a"]
    assert hek["voc_ap50"] == 0.5
    assert hek["predicted_as"] == {"HEK": 1, "N2a": 1}
    assert n2a["voc_ap50"] == 0.25
    assert (n2a["true"], n2a["matched"], n2a["missed"], n2a["unmatched"]) == (2, 1, 1, 1)
    assert shown["mean"]["voc_ap50"] == 0.375
    assert main(["score-instances", result, truth]) == 0
    assert "VOC AP50" in capsys.readouterr().out


def test_more_than_a_hundred_instances_count(tmp_path, capsys):
    label_map, kinds = squares(400), [NAMES[cell % 2] for cell in range(400)]
    truth = written(tmp_path / "truth.json", [("a", label_map, kinds)])
    result = written(tmp_path / "r.json", [("a", label_map, kinds, np.linspace(0, 1, 400).tolist())])
    assert (
        scored(capsys, result, truth)["classes"]["HEK"] | {"voc_ap50": 1.0, "coco_ap": 1.0, "matched": 200}
        == (scored(capsys, result, truth)["classes"]["HEK"])
    )


def test_what_does_not_fit_is_shown(tmp_path, capsys):
    label_map = squares(1)
    truth = written(tmp_path / "truth.json", [("a", label_map, ["HEK"])])
    for name, images, names, words in (
        ("other", [("b", label_map, ["HEK"], [0.5])], NAMES, "a: is not in"),
        ("unsure", [("a", label_map, ["HEK"])], NAMES, "scores, these have none"),
        ("unknown", [("a", label_map, ["CHO"], [0.5])], ["CHO"], "instances of CHO; known are HEK, N2a"),
        ("large", [("a", squares(21), ["HEK"] * 21, [0.5] * 21)], NAMES, "one size"),
    ):
        assert main(["score-instances", written(tmp_path / f"{name}.json", images, names), truth]) == 1
        assert words in capsys.readouterr().err


@pytest.mark.parametrize("score", ['"high"', "NaN"])
def test_scores_that_are_no_numbers_are_named(tmp_path, capsys, score):
    path = tmp_path / "r.json"
    written(path, [("a", squares(1), ["HEK"], [0.5])])
    path.write_text(path.read_text().replace("0.5", score))
    assert main(["score-instances", str(path), str(path)]) == 1
    assert "a number was expected" in capsys.readouterr().err
