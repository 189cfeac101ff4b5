import json

import numpy as np
import pytest

from hpa.cli import main
from hpa.core.encoding import encode_mask
from hpa.core.submission_table import PREDICTION_COLUMN, TRUTH_COLUMN, TableRow, write_table

MASK = encode_mask(np.eye(4, 5, dtype=bool))
SHIFTED = encode_mask(np.eye(4, 5, 1, dtype=bool))


@pytest.fixture
def tables(tmp_path):
    write_table(tmp_path / "truth.csv", TRUTH_COLUMN, [TableRow("a", 5, 4, f"2 {MASK} 7 {SHIFTED}")])
    text = f"2 0.5 {MASK} 7 0.25 {MASK} 4 0.125 {MASK}"
    write_table(tmp_path / "submission.csv", PREDICTION_COLUMN, [TableRow("a", 5, 4, text)])
    return [str(tmp_path / "submission.csv"), str(tmp_path / "truth.csv")]


def test_json_has_the_mean_and_null_where_a_class_has_no_truth(tables, capsys):
    assert main(["score", *tables, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["map"] == 0.5
    assert result["bound"] == 0.5
    assert result["ap"] == {str(number): {2: 1.0, 7: 0.0}.get(number) for number in range(19)}
    assert result["lost"]["missed_by_segmentation"] == {"count": 1, "points": 0.5}
    assert result["lost"]["wrong_class"]["count"] == 2


def test_verified_truth_forgets_classes_without_truth(tables, capsys):
    main(["score", *tables, "--json", "--verified", "truth"])
    assert json.loads(capsys.readouterr().out)["lost"]["wrong_class"]["count"] == 1


def test_the_table_is_for_people(tables, capsys):
    assert main(["score", *tables]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("mAP 0.5000 of at most 0.5000")
    assert "2 nuclei" not in shown.splitlines()[0]
    assert "missed by segmentation" in shown
    assert "18 negative" in shown


def test_types_have_their_own_names(tmp_path, capsys):
    write_table(tmp_path / "truth.csv", TRUTH_COLUMN, [TableRow("a", 5, 4, f"0 {MASK} 1 {SHIFTED}")])
    write_table(tmp_path / "submission.csv", PREDICTION_COLUMN, [TableRow("a", 5, 4, f"0 0.5 {MASK} 1 0.25 {SHIFTED}")])
    words = ["score", str(tmp_path / "submission.csv"), str(tmp_path / "truth.csv")]
    assert main([*words, "--types", "HEK,N2a"]) == 0
    shown = capsys.readouterr().out
    assert "0 HEK" in shown
    assert "1 N2a" in shown
    assert "2 " not in [line[:2] for line in shown.splitlines()]
    assert main([*words, "--types", "HEK,N2a", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["types"], result["ap"]) == (["HEK", "N2a"], {"0": 1.0, "1": 1.0})
    assert main([*words, "--types", "HEK"]) == 1
    assert "hold class 1" in capsys.readouterr().err


def test_a_score_without_any_truth_is_null(tmp_path, capsys):
    write_table(tmp_path / "truth.csv", TRUTH_COLUMN, [TableRow("a", 5, 4, "")])
    write_table(tmp_path / "submission.csv", PREDICTION_COLUMN, [])
    assert main(["score", str(tmp_path / "submission.csv"), str(tmp_path / "truth.csv"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["map"] is None


def test_another_submission_is_compared_on_the_same_images(tmp_path, capsys):
    write_table(tmp_path / "truth.csv", TRUTH_COLUMN, [TableRow(name, 5, 4, f"2 {MASK}") for name in "abc"])
    for name, mask in (("good", MASK), ("bad", SHIFTED)):
        rows = [TableRow(image, 5, 4, f"2 0.5 {mask}") for image in "abc"]
        write_table(tmp_path / f"{name}.csv", PREDICTION_COLUMN, rows)
    good, truth, bad = (str(tmp_path / f"{name}.csv") for name in ("good", "truth", "bad"))
    assert main(["score", good, truth, "--against", bad]) == 0
    assert "mAP +1.0000 against" in capsys.readouterr().out
    assert main(["score", bad, truth, "--against", good, "--json"]) == 0
    comparison = json.loads(capsys.readouterr().out)["against"]
    assert comparison == {"submission": good, "gain": -1.0, "interval": [-1.0, -1.0]}
