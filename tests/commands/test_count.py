import json

import numpy as np
import pandas as pd
import pytest

from hpa.cli import main
from hpa.core.encoding import encode_mask
from hpa.core.submission import format_prediction
from hpa.core.submission_table import PREDICTION_COLUMN, TableRow, write_table
from hpa.formats.coco_file import LabelledImage, write_coco
from hpa.formats.label_maps import write_label_map
from hpa.sources.cell_classes import write_cell_classes

TYPES = {"a": ["HEK", "N2a", "N2a"], "b": ["HEK"]}


def squares(count):
    """Return a label map of separate squares."""
    label_map = np.zeros((8, 8 * count), np.int32)
    for cell in range(count):
        label_map[2:6, 8 * cell + 2 : 8 * cell + 6] = cell + 1
    return label_map


def as_coco(path):
    images = [LabelledImage(f"{name}.tif", squares(len(types)), types) for name, types in TYPES.items()]
    write_coco(path, images, ["HEK", "N2a"])


def as_classes(path):
    write_cell_classes(path, [(name, n, kind) for name, kinds in TYPES.items() for n, kind in enumerate(kinds, 1)])


def as_parquet(path):
    rows = [(name, float(kind == "HEK"), float(kind == "N2a")) for name, kinds in TYPES.items() for kind in kinds]
    pd.DataFrame(rows, columns=["image", "confidence_HEK", "confidence_N2a"]).to_parquet(path)


def as_submission(path):
    rows = []
    for name, kinds in TYPES.items():
        label_map = squares(len(kinds))
        masks = [encode_mask(label_map == cell) for cell in range(1, len(kinds) + 1)]
        sure = np.array([[0.9, 0.2] if kind == "HEK" else [0.3, 0.4] for kind in kinds])
        rows.append(TableRow(name, label_map.shape[1], 8, format_prediction(masks, sure)))
    write_table(path, PREDICTION_COLUMN, rows)


@pytest.mark.parametrize(
    ("name", "write", "words"),
    [
        ("result.json", as_coco, []),
        ("classes.csv", as_classes, []),
        ("result.cells.parquet", as_parquet, []),
        ("submission.csv", as_submission, ["--types", "HEK,N2a"]),
    ],
)
def test_every_kind_of_result_counts_the_same(tmp_path, capsys, name, write, words):
    write(tmp_path / name)
    assert main(["count", str(tmp_path / name), "--designed", "50:50", "--json", *words]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["images"], shown["cells"]) == (2, 4)
    assert [(kind["name"], kind["count"], kind["share"]) for kind in shown["types"]] == [
        ("HEK", 2, 0.5),
        ("N2a", 2, 0.5),
    ]
    assert shown["types"][0]["fits"] is True
    assert "2 images are too few" in shown["warnings"][0]


@pytest.mark.parametrize(("confidence", "warned"), [(0.1, True), (0.9, False)])
def test_cells_that_the_network_is_not_sure_of_are_a_warning(tmp_path, capsys, confidence, warned):
    frame = pd.DataFrame({"image": list("abcdefg"), "confidence_HEK": confidence, "confidence_N2a": 0.05})
    frame.to_parquet(tmp_path / "a.cells.parquet")
    assert main(["count", str(tmp_path / "a.cells.parquet")]) == 0
    shown = capsys.readouterr().out
    assert ("7 of 7 cells have a confidence below 0.5 in every type (median 0.10)" in shown) == warned
    assert ("warning" in shown) == warned


def test_label_maps_are_counted_by_image(tmp_path, capsys):
    folder = tmp_path / "cells"
    folder.mkdir()
    assert main(["count", str(folder)]) == 1
    assert "label maps (.png" in capsys.readouterr().err
    for name, count in (("a", 3), ("b b", 1)):
        write_label_map(folder / f"{name}.tif", squares(count))
    assert main(["count", str(folder)]) == 0
    assert capsys.readouterr().out.split("\n")[:3] == [
        "a         3 cells",
        "b b       1 cells",
        "2 images, 4 cells",
    ]
    (folder / "c.tif").write_bytes(b"torn")
    assert main(["count", str(folder), "--json"]) == 3
    shown = json.loads(capsys.readouterr().out)
    assert shown["cells_of"] == {"a": 3, "b b": 1}
    assert shown["failed"][0].startswith("c: ")


def test_a_type_without_a_cell_is_counted_as_none(tmp_path, capsys):
    write_coco(tmp_path / "all.json", [LabelledImage("a.tif", squares(3), ["N2a"] * 3)], ["HEK", "N2a"])
    assert main(["count", str(tmp_path / "all.json"), "--designed", "50:50", "--json"]) == 0
    assert [kind["count"] for kind in json.loads(capsys.readouterr().out)["types"]] == [0, 3]


def test_the_text_holds_share_interval_and_verdict(tmp_path, capsys):
    as_classes(tmp_path / "classes.csv")
    assert main(["count", str(tmp_path / "classes.csv"), "--designed", "1:1"]) == 0
    shown = capsys.readouterr().out
    assert "2 images, 4 cells" in shown
    assert "50.00%" in shown
    assert "designed 50.00%: fits" in shown


@pytest.mark.parametrize(
    ("name", "words", "shown"),
    [
        ("classes.csv", ["--designed", "half"], "numbers between colons"),
        ("classes.csv", ["--designed", "1:1:1"], "one part"),
        ("classes.csv", ["--types", "HEK"], "holds cells of N2a"),
        ("missing.json", [], "missing"),
        ("classes.txt", [], ".parquet"),
    ],
)
def test_what_makes_no_sense_is_shown(tmp_path, capsys, name, words, shown):
    as_classes(tmp_path / "classes.csv")
    (tmp_path / "classes.txt").write_text("")
    assert main(["count", str(tmp_path / name), *words]) == 1
    assert shown in capsys.readouterr().err


def test_a_class_that_commands_the_terminal_is_refused(tmp_path, capsys):
    (tmp_path / "classes.csv").write_text("ID,cell,class\na,1,\x1b[2JHEK\n")
    assert main(["count", str(tmp_path / "classes.csv")]) == 1
    shown = capsys.readouterr().err
    assert "names of classes that can be printed" in shown
    assert "\x1b" not in shown
