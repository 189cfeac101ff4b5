import io
import zipfile

import numpy as np
import pytest

from hpa.core.encoding import encode_label_map
from hpa.core.errors import InputError
from hpa.core.zip_members import check_member


def archive_of(content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("rows.csv", content)
    return zipfile.ZipFile(file)


def test_rows_of_a_submission_are_plausible():
    cells = np.kron(np.arange(1, 401, dtype=np.int32).reshape(20, 20), np.ones((40, 40), np.int32))
    words = [f"{number} 0.5 {mask}" for mask in encode_label_map(cells).values() for number in range(19)]
    check_member(archive_of("\n".join(f"image,800,800,{' '.join(words)}" for _ in range(30))), "rows.csv")


def test_what_inflates_a_thousandfold_is_refused():
    with pytest.raises(InputError, match="inflates to 300,000,000 bytes, which is larger than"):
        check_member(archive_of(bytes(300_000_000)), "rows.csv")
    with pytest.raises(InputError, match="larger than the 5 that are"):
        check_member(archive_of(b"123456"), "rows.csv", max_bytes=5)
    check_member(archive_of(b"12345"), "rows.csv", max_bytes=5)
