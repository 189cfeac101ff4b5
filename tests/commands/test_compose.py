import argparse
import json

import cv2
import numpy as np
import pandas as pd
import pytest

from hpa.cli import main
from hpa.commands.compose import parse_range
from tests.simulation.composed.conftest import cells  # noqa: F401  # a fixture

SMALL = ("--images", "8", "--size", "96", "--cells-per-field", "4-6", "--workers", "1")


def test_the_command_writes_a_data_set_and_names_the_next_commands(cells, tmp_path, capsys):  # noqa: F811
    folder, out = cells(), tmp_path / "out"
    (folder / "notes.txt").write_text("notes")
    noise = ("--miss", "0.1,along=0.4", "--invent", "0.2", "--main-only", "0.1", "--seed", "7")
    assert main(["compose", str(folder), str(out), *SMALL, *noise]) == 0
    shown = capsys.readouterr()
    assert "8 fields" in shown.out
    assert f"'data.channels=[green]' data.cell_truth={out}/truth_train.csv" in shown.out
    types = shown.out.partition("--types '")[2].partition("'")[0].split(",")
    assert types[:3] == ["across", "along", "unused 2"]
    assert len(types) == 19  # a submission lists every class of the layout
    assert "passed over 1 files that are no crops of a class: notes.txt" in shown.err
    stated = json.loads((out / "world.json").read_text())["settings"]["noise"]
    assert stated == {"false_negative_rate": [0.1, 0.4], "false_positive_rate": [0.2, 0.2], "main_only": 0.1}
    assert len(pd.read_csv(out / "train.csv")) == 6


def test_a_table_with_specimens_is_composed(cells, tmp_path, capsys):  # noqa: F811
    cells()
    rows = [
        f"cells/{kind}/{kind}_specimen{n // 2}/c{n}.png,{kind},plate{n % 4}"
        for kind in ("across", "along")
        for n in range(8)
    ]
    (tmp_path / "cells.csv").write_text("\n".join(["crop,class,plate", *rows]))
    words = ["compose", str(tmp_path / "cells.csv"), str(tmp_path / "out"), *SMALL, "--group", "plate"]
    assert main(words) == 0
    plates = pd.read_csv(tmp_path / "out" / "cells.csv").groupby("split")["specimen"].unique()
    assert not set(plates["train"]) & set(plates["test"])
    assert set(plates["test"]) <= {f"plate{n}" for n in range(4)}
    assert main([*words[:2], str(tmp_path / "other"), *SMALL, "--specimen-pattern", "c"]) == 1
    assert "--group names the column" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--miss", "many"], "a rate such as 0.02"),
        (["--miss", "none=0.2"], "there is no class 'none'; the classes are across, along"),
        (["--invent", "1"], "from 0 to below 1"),
        (["--channels", "pink"], "different ones of red, green, blue, yellow"),
        (["--channels", "red,green"], "have 1 channels, named are red, green"),
        (["--group", "plate"], "CLASS/SPECIMEN"),
        (["--specimen-pattern", "("], "no regular expression"),
        (["--size", "16"], "--size 20 or more"),
    ],
)
def test_wrong_words_are_explained_and_nothing_is_written(cells, tmp_path, capsys, words, message):  # noqa: F811
    assert main(["compose", str(cells()), str(tmp_path / "out"), *SMALL, *words]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_two_channels_must_be_named(cells, tmp_path, capsys):  # noqa: F811
    folder = cells(channels=2)
    assert main(["compose", str(folder), str(tmp_path / "out"), *SMALL]) == 1
    assert "have 2 channels; name them, e.g. --channels green,blue" in capsys.readouterr().err
    assert main(["compose", str(folder), str(tmp_path / "out"), *SMALL, "--channels", "green,blue"]) == 0
    names = {path.stem.rpartition("_")[2] for path in (tmp_path / "out" / "train").iterdir()}
    assert names == {"green", "blue"}


def test_grey_crops_in_colour_files_give_one_plane(cells, tmp_path):  # noqa: F811
    folder, out = cells(), tmp_path / "out"
    for path in folder.rglob("c?.png"):
        cv2.imwrite(str(path), cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), cv2.COLOR_GRAY2BGR))
    assert main(["compose", str(folder), str(out), *SMALL]) == 0
    assert {path.stem.rpartition("_")[2] for path in (out / "train").iterdir()} == {"green"}


def test_the_folder_of_the_cells_is_not_written_to(cells, capsys):  # noqa: F811
    folder = cells()
    before = sorted(folder.rglob("*"))
    assert main(["compose", str(folder), str(folder / "out"), *SMALL]) == 1
    assert "lies in the folder of the cells" in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before


@pytest.mark.parametrize("text", ["", "a-b", "3-", "-3", "1.5"])
def test_what_is_no_range_says_how_to_write_one(text):
    with pytest.raises(argparse.ArgumentTypeError, match="8-16"):
        parse_range(text)


def test_classes_that_cannot_be_divided_are_named(cells, tmp_path, capsys):  # noqa: F811
    assert main(["compose", str(cells(specimens=1)), str(tmp_path / "out"), *SMALL]) == 1
    assert "across: its 2 cells come from 1 specimen" in capsys.readouterr().err
    assert np.all([not (tmp_path / "out").exists()])
