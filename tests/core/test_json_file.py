"""JSON of strangers ends in values or in an error that is caught."""

import math

import pytest

from hpa.core.json_file import parse_json, read_json


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "1e999",
        "[-1e400]",
        '{"a": Infinity}',
        "-Infinity",
        "{",
        "\ufeff1",
        "[1" + "0" * 400 + "]",
        "18446744073709551616",
    ],
)
def test_what_is_no_finite_value_is_refused(tmp_path, text):
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=r"."):
        read_json(file)


def test_a_number_that_is_none_is_kept_as_scores_are():
    assert math.isnan(parse_json(b'{"score": NaN}')["score"])
    assert parse_json("[1e308, 1.5, 10, -18446744073709551615]") == [1e308, 1.5, 10, -(2**64) + 1]
