import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from hpa.core.errors import InputError
from hpa.core.submission import format_prediction, format_truth, parse_prediction, parse_truth


@given(arrays.arrays(np.float32, st.tuples(st.integers(0, 4), st.integers(1, 19)), elements=st.floats(-2, 2, width=32)))
def test_predictions_come_back_with_every_digit(confidences):
    masks = [f"mask{cell}" for cell in range(len(confidences))]
    text = format_prediction(masks, confidences)
    found = parse_prediction(text)
    number_of_classes = confidences.shape[1]
    assert found.masks == [mask for mask in masks for _ in range(number_of_classes)]
    assert found.classes.tolist() == list(range(number_of_classes)) * len(masks)
    assert np.array_equal(found.confidences.astype(np.float32), confidences.ravel())
    assert "e-" not in text


def test_truth_comes_back():
    entries = parse_truth(format_truth([3, 18], ["aa", "bb"]))
    assert entries.classes.tolist() == [3, 18]
    assert entries.masks == ["aa", "bb"]
    assert parse_truth("  ").masks == parse_prediction("").masks == []


@pytest.mark.parametrize(
    ("parse", "text", "reason"),
    [
        (parse_prediction, "0 0.5", "come in threes"),
        (parse_prediction, "0 mask 0.5", "confidence is no number"),
        (parse_prediction, "0 nan mask", "NaN or infinite"),
        (parse_prediction, "0 inf mask", "NaN or infinite"),
        (parse_prediction, "x 0.5 mask", "class 'x' is no whole number"),
        (parse_prediction, "99999999999999999999 0.5 mask", "class '99999999999999999999' is no whole number"),
        (parse_prediction, "1_0 0.5 mask", "class '1_0' is no whole number"),
        (parse_prediction, "0 0_5 mask", "confidence is no number"),
        (parse_truth, "٣ mask", "class '٣' is no whole number"),
        (parse_truth, "0 mask 1", "come in pairs"),
        (parse_truth, "1.5 mask", "class '1.5' is no whole number"),
    ],
)
def test_malformed_texts_are_refused(parse, text, reason):
    with pytest.raises(InputError, match=reason):
        parse(text)


def test_confidences_must_fit_the_masks_and_be_finite():
    with pytest.raises(InputError, match="1 masks need as many rows"):
        format_prediction(["m"], np.zeros((2, 3)))
    with pytest.raises(InputError, match="cell 2 are NaN"):
        format_prediction(["m", "n"], np.array([[0.0], [np.nan]]))
