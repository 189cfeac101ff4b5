import gzip

import pytest

from hpa.core.errors import DataError, InputError
from hpa.core.submission_table import PREDICTION_COLUMN, TRUTH_COLUMN, TableRow, read_table, write_table

ROWS = [TableRow("a", 4, 3, "0 0.5 mask"), TableRow('odd, "id"', 2048, 1728, "")]


def test_a_table_comes_back(tmp_path):
    path = tmp_path / "new folder" / "submission.csv"
    write_table(path, PREDICTION_COLUMN, iter(ROWS))
    assert read_table(path, PREDICTION_COLUMN) == ROWS
    assert path.read_text().startswith("ID,ImageWidth,ImageHeight,PredictionString\na,4,3,0 0.5 mask\n")
    assert [file.name for file in path.parent.iterdir()] == ["submission.csv"]


def test_image_id_column_in_any_place_and_byte_order_mark(tmp_path):
    path = tmp_path / "truth.csv"
    path.write_text("\ufeffTruthString,ImageID,ImageHeight,ImageWidth\n1 m,a,3,4\n\n", encoding="utf-8")
    assert read_table(path, TRUTH_COLUMN) == [TableRow("a", 4, 3, "1 m")]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_are_read_as_spreadsheets_save_them(tmp_path, encoding, separator):
    path = tmp_path / "truth.csv"
    lines = ["ID,ImageWidth,ImageHeight,TruthString,,", "Zürich 1,4,3,1 m,,", ",,,,,", "b,4,3,,,"]
    path.write_bytes("\r\n".join(lines).replace(",", separator).encode(encoding))
    assert read_table(path, TRUTH_COLUMN) == [TableRow("Zürich 1", 4, 3, "1 m"), TableRow("b", 4, 3, "")]


def test_a_compressed_table_is_read_also_beside_its_name_and_a_damaged_or_endless_one_refused(tmp_path, monkeypatch):
    plain, compressed = tmp_path / "submission.csv", tmp_path / "submission.csv.gz"
    write_table(plain, PREDICTION_COLUMN, ROWS)
    content = gzip.compress(plain.read_bytes())
    plain.unlink()
    compressed.write_bytes(content)
    assert read_table(compressed, PREDICTION_COLUMN) == read_table(plain, PREDICTION_COLUMN) == ROWS
    for damaged in (content[:-9], content[:12] + b"\xff" + content[13:]):
        compressed.write_bytes(damaged)
        with pytest.raises(InputError, match="compressed table is damaged"):
            read_table(compressed, PREDICTION_COLUMN)
    compressed.write_bytes(gzip.compress(b"ID," * 1000))
    monkeypatch.setattr("hpa.core.table_text.MAX_INFLATED_BYTES", 1000)
    with pytest.raises(InputError, match="inflates to more than 1,000 bytes"):
        read_table(compressed, PREDICTION_COLUMN)


def test_fields_longer_than_the_csv_modules_own_limit(tmp_path):
    path = tmp_path / "submission.csv"
    row = TableRow("a", 4, 3, "0 0.5 " + "m" * 300_000)
    write_table(path, PREDICTION_COLUMN, [row])
    assert read_table(path, PREDICTION_COLUMN) == [row]


def test_a_writer_that_fails_leaves_the_older_file(tmp_path):
    path = tmp_path / "submission.csv"
    write_table(path, PREDICTION_COLUMN, ROWS)

    def rows():
        yield TableRow("new", 1, 1, "")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_table(path, PREDICTION_COLUMN, rows())
    assert read_table(path, PREDICTION_COLUMN) == ROWS
    assert [file.name for file in tmp_path.iterdir()] == ["submission.csv"]


def test_all_malformed_rows_are_named(tmp_path):
    path = tmp_path / "submission.csv"
    lines = ["ID,ImageWidth,ImageHeight,PredictionString", "a,4,3,", "a,4,3,", "b,4.5,3,", "c,4", ",4,3,", "d,0,3,"]
    path.write_text("\n".join(lines))
    with pytest.raises(DataError) as caught:
        read_table(path, PREDICTION_COLUMN)
    assert [str(problem).split(":")[0] for problem in caught.value.problems] == [
        "row 3 (a)",
        "row 4 (b)",
        "row 5 (c)",
        "row 6 ()",
        "row 7 (d)",
    ]
    assert "earlier row" in caught.value.problems[0].reason
    assert "2 fields where the header has 4" in caught.value.problems[2].reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the header reads nothing"),
        (b"ID,ImageWidth,PredictionString\n", "ImageHeight missing"),
        (b"\xff\xfe\x00ID", "save it as CSV in UTF-8"),
    ],
)
def test_files_that_are_no_such_table(tmp_path, content, reason):
    path = tmp_path / "submission.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=reason):
        read_table(path, PREDICTION_COLUMN)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(InputError, match="the file is missing"):
        read_table(tmp_path / "none.csv", PREDICTION_COLUMN)
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path, PREDICTION_COLUMN)
