import io
import random

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hpa.core.errors import InputError
from hpa.formats.parquet_table import MAX_VALUES, read_parquet


def test_a_table_is_read_as_written(tmp_path):
    table = pd.DataFrame({"image": ["a", "b"], "confidence_HEK": [0.5, 1.0]})
    table.to_parquet(tmp_path / "a.parquet", index=False)
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "a.parquet", "a table", "write it again."), table)


def test_a_small_file_of_a_billion_rows_is_refused_before_it_is_read(tmp_path):
    pq.write_table(pa.table({"confidence_HEK": pa.nulls(MAX_VALUES + 1)}), tmp_path / "a.parquet")
    assert (tmp_path / "a.parquet").stat().st_size < 1 << 20
    with pytest.raises(InputError, match=r"a\.parquet: its header says 268,435,457 rows of 1 columns, a table has at"):
        read_parquet(tmp_path / "a.parquet", "a table", "write it again.")


def test_damaged_files_are_read_or_named(tmp_path):
    file = io.BytesIO()
    pd.DataFrame({"image": ["a", "b"], "confidence_HEK": [0.5, 1.0]}).to_parquet(file)
    content, draw, refusals = file.getvalue(), random.Random(0), []
    for _ in range(150):
        changed = bytearray(content)
        changed[draw.randrange(len(content))] ^= draw.randrange(1, 256)
        (tmp_path / "a.parquet").write_bytes(changed)
        try:
            read_parquet(tmp_path / "a.parquet", "a table", "write it again.")
        except InputError as error:
            refusals.append(str(error))
    assert len(refusals) > 20
    assert all("a.parquet: " in refusal and "write it again." in refusal for refusal in refusals)
