import gzip

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.core.submission_table import PREDICTION_COLUMN, read_table
from hpa.core.table_text import table_file
from hpa.core.workbooks import optional_table_file
from hpa.formats.csv_rows import ROW, read_rows

TABLE = 'ID,class,note\r\nA1,Müller,"b, c"\r\nA2,HEK,\r\n'


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r"])
def test_tables_are_read_as_spreadsheets_save_them(tmp_path, separator, encoding, line_end):
    text = TABLE.replace('"b, c"', '"b: c"').replace(",", separator).replace("b: c", "b, c").replace("\r\n", line_end)
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    frame = read_rows(tmp_path / "a.csv", ("ID", "class"))
    assert frame.drop(columns=ROW).to_numpy().tolist() == [["A1", "Müller", "b, c"], ["A2", "HEK", ""]]
    assert frame[ROW].tolist() == [2, 3]


@pytest.mark.parametrize("separator", [";", "\t"])
def test_decimal_commas_of_columns_of_numbers_become_points(tmp_path, separator):
    rows = [["ID", "pixel_um", "note"], ["1,5", "0,325", "1,5"], ["b", "-,5", ""], ["c", "1.234,5", ""], ["d", "2", ""]]
    (tmp_path / "a.csv").write_text("\n".join(map(separator.join, rows)))
    frame = read_rows(tmp_path / "a.csv", ("ID",), ("pixel_um", "no_such_column"))
    assert frame["pixel_um"].tolist() == ["0.325", "-.5", "1.234,5", "2"]
    assert frame["ID"].tolist() == ["1,5", "b", "c", "d"]
    assert frame["note"].tolist()[0] == "1,5"
    (tmp_path / "b.csv").write_text('ID,pixel_um\na,"0,5"\n')  # here a comma may be a slip: the cell is named
    assert read_rows(tmp_path / "b.csv", ("ID",), ("pixel_um",))["pixel_um"].tolist() == ["0,5"]


def test_known_columns_are_known_in_any_capitals(tmp_path):
    (tmp_path / "a.csv").write_text("Id,Pixel_UM,Organ\na,0.5,lung\n")
    rows = read_rows(tmp_path / "a.csv", ("ID",), ("pixel_um",))
    assert rows.columns.drop(ROW).tolist() == ["ID", "pixel_um", "Organ"]
    (tmp_path / "b.csv").write_text("id,ID\na,b\n")
    assert read_rows(tmp_path / "b.csv", ("ID",)).columns.drop(ROW).tolist() == ["id", "ID"]


@pytest.mark.parametrize("suffix", [".xlsx", ".xls", ".ods"])
def test_a_workbook_in_place_of_a_table_is_named(tmp_path, suffix):
    (tmp_path / f"index{suffix}").write_bytes(b"PK")
    with pytest.raises(InputError, match=rf"index\{suffix}: a workbook is not read; save its sheet as index\.csv"):
        read_rows(tmp_path / "index.csv", ("ID",))


def test_a_table_that_may_be_missing_is_looked_for_in_silence(tmp_path, caplog):
    (tmp_path / "index.xlsx").write_bytes(b"PK")
    assert table_file(tmp_path / "index.csv") == tmp_path / "index.csv"
    assert not caplog.records
    assert optional_table_file(tmp_path / "index.csv") is None
    assert "save its sheet as index.csv" in caplog.text
    with pytest.raises(InputError, match="a workbook is not read"):
        read_table(tmp_path / "index.csv", PREDICTION_COLUMN)


def test_what_spreadsheets_add_is_left_out(tmp_path):
    lines = ["sep=;", "ID;class; ;", '"a";"two\nlines";;', ";;;", "1E5;x", "", "20240105.0;y;;"]
    (tmp_path / "a.csv").write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    frame = read_rows(tmp_path / "a.csv", ("ID",))
    assert frame.columns.tolist() == ["ID", "class", ROW]
    assert frame["ID"].tolist() == ["a", "1E5", "20240105.0"]  # as text: no number is made of an id
    assert frame["class"].tolist() == ["two\nlines", "x", "y"]
    assert frame[ROW].tolist() == [3, 5, 7]


def test_columns_keep_their_content_whatever_their_names(tmp_path):
    (tmp_path / "a.csv").write_text(",ID,plate,plate,\n0,a,P,Q,z\n")
    frame = read_rows(tmp_path / "a.csv", ("ID",))
    assert frame.columns.tolist() == ["Unnamed: 0", "ID", "plate", "plate.1", "Unnamed: 4", ROW]
    assert frame.to_numpy().tolist() == [["0", "a", "P", "Q", "z", 2]]


def test_a_column_called_row_is_kept(tmp_path):
    (tmp_path / "a.csv").write_text("ID,row\na,B\n\nb,C\n")
    frame = read_rows(tmp_path / "a.csv", ("ID",))
    assert frame["row"].tolist() == ["B", "C"]
    assert frame[ROW].tolist() == [2, 4]


@given(st.lists(st.tuples(st.text("aé;, \"'"), st.text("0,.5")), min_size=1))
def test_what_pandas_writes_comes_back(tmp_path_factory, cells):
    path = tmp_path_factory.mktemp("csv") / "a.csv"
    written = pd.DataFrame([(f"x{text}", number) for text, number in cells], columns=["ID", "size"])
    written.to_csv(path, index=False, encoding="utf-8")
    frame = read_rows(path, ("ID",))
    expected = [[text.strip(), number.strip()] for text, number in written.to_numpy().tolist()]
    assert frame.drop(columns=ROW).to_numpy().tolist() == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x89PNG\r\n\0\0", "no text"),
        (b"ID,a\nx,1,2\n", "row 2 has 3 cells, the header 2.*every row must have the cells of the header"),
        (b"ID,ID\nx,1\n", "2 columns are called ID"),
        (b'ID,a\nx,"1\n', "cannot be read as a table"),
        (b"", "is empty"),
    ],
)
def test_what_is_no_table_is_named(tmp_path, content, message):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_rows(tmp_path / "a.csv", ("ID",))


def test_a_compressed_table_is_read_and_a_damaged_or_endless_one_refused(tmp_path, monkeypatch):
    path = tmp_path / "table.tsv.gz"
    content = gzip.compress(b"ID\tvalue\na\t1,5\nb\t2\n")
    path.write_bytes(content)
    assert read_rows(path, ["ID"])["value"].tolist() == ["1,5", "2"]
    for damaged in (content[:-9], content[:12] + b"\xff" + content[13:]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match="compressed table is damaged"):
            read_rows(path, ["ID"])
    path.write_bytes(gzip.compress(b"ID\n" + b"a\n" * 1000))
    monkeypatch.setattr("hpa.core.table_text.MAX_INFLATED_BYTES", 1000)
    with pytest.raises(InputError, match="inflates to more than 1,000 bytes"):
        read_rows(path, ["ID"])


def test_a_table_of_a_terabyte_of_holes_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "a.csv").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InputError, match=r"a\.csv: 1,099,511,627,776 bytes, a table has at most"):
        read_rows(tmp_path / "a.csv", ["ID"])
    with pytest.raises(InputError, match=r"a table has at most"):
        read_table(tmp_path / "a.csv", PREDICTION_COLUMN)
