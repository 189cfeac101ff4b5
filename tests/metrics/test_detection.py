import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpa.core.encoding import encode_mask
from hpa.core.errors import InputError
from hpa.core.submission import format_truth
from hpa.core.submission_table import TableRow
from hpa.metrics.detection import Outcome, score_evidence
from hpa.metrics.detection_evidence import evidence_of, true_entries_of
from tests.metrics.dense_detection import CLASSES, HEIGHT, WIDTH, data_sets, dense_ap, encoded

IOU = 0.6
few = settings(max_examples=25, deadline=None)  # each example decodes and scores several images


def evidence(images, verified="all"):
    return [
        evidence_of(
            true_entries_of(row),
            " ".join(f"{which} {confidence} {mask}" for which, confidence, mask in found),
            IOU,
            verified,
        )
        for row, found in images
    ]


@few
@given(data_sets(), st.sampled_from(["all", "truth"]))
def test_ap_is_that_of_dense_masks_and_plain_loops(data_set, verified):
    images = encoded(data_set)
    score = score_evidence(evidence(images, verified))
    for which in range(19):
        expected = dense_ap(images, which, IOU, verified == "truth")
        if expected is None:
            assert math.isnan(score.classes[which].ap)
        else:
            assert score.classes[which].ap == pytest.approx(expected, abs=1e-12)


@few
@given(data_sets())
def test_the_mean_is_taken_over_classes_with_truth(data_set):
    images = encoded(data_set)
    score = score_evidence(evidence(images))
    known = [of_class.ap for of_class in score.classes if of_class.true_cells]
    assert score.mean == pytest.approx(sum(known) / len(known)) if known else math.isnan(score.mean)


@few
@given(data_sets(), st.randoms(use_true_random=False), st.booleans())
def test_order_does_not_matter_even_among_equal_confidences(data_set, shuffler: random.Random, all_equal):
    images = encoded(data_set)
    if all_equal:
        images = [(row, [(which, 0.5, mask) for which, _, mask in found]) for row, found in images]
    shuffled = [(row, shuffler.sample(found, len(found))) for row, found in shuffler.sample(images, len(images))]
    before, after = (score_evidence(evidence(some)) for some in (images, shuffled))
    assert before.mean == after.mean or (math.isnan(before.mean) and math.isnan(after.mean))
    assert [of_class.detections for of_class in before.classes] == [of_class.detections for of_class in after.classes]


@few
@given(data_sets())
def test_the_order_of_confidences_is_all_that_counts(data_set):
    images = encoded(data_set)
    squeezed = [(row, [(which, math.atan(c) * 1e-9, mask) for which, c, mask in found]) for row, found in images]
    assert np.array_equal(
        score_evidence(evidence(images)).mean, score_evidence(evidence(squeezed)).mean, equal_nan=True
    )


@few
@given(data_sets())
def test_repeating_a_detection_never_raises_the_score(data_set):
    images = encoded(data_set)
    repeated = [(row, [*found, *((which, c / 2, mask) for which, c, mask in found)]) for row, found in images]
    before, after = (score_evidence(evidence(some)) for some in (images, repeated))
    for one, other in zip(before.classes, after.classes, strict=True):
        assert math.isnan(one.ap) or other.ap <= one.ap + 1e-12


@few
@given(data_sets())
def test_every_true_cell_and_every_detection_is_accounted_for(data_set):
    images = encoded(data_set)
    score = score_evidence(evidence(images))
    for number, of_class in enumerate(score.classes):
        found = of_class.detections[Outcome.TRUE_POSITIVE]
        assert of_class.true_cells == found + of_class.missed_by_segmentation + of_class.class_not_predicted
        assert sum(of_class.detections.values()) == sum(
            which == number and mask != encode_mask(np.zeros((HEIGHT, WIDTH), bool))
            for _, entries in images
            for which, _, mask in entries
        )
        assert math.isnan(of_class.ap) or of_class.ap <= of_class.bound + 1e-12
    assert all(gain >= -1e-12 for gain in score.gain_without.values() if not math.isnan(gain))


@few
@given(data_sets())
def test_the_bound_is_reached_by_naming_the_same_masks_rightly(data_set):
    """Every mask under every class, as before, but only those confidently that find a cell nothing else has found."""
    images = encoded(data_set)
    bound = score_evidence(evidence(images)).bound
    named = []
    for row, found in images:
        masks = sorted({mask for _, _, mask in found})
        everything = [(which, 0.0, mask) for mask in masks for which in CLASSES]
        of_image = evidence([(row, everything)])[0]
        _, first = np.unique(of_image.candidate, return_index=True)
        right = [at for at in first.tolist() if of_image.candidate[at] >= 0]
        empty = encode_mask(np.zeros((HEIGHT, WIDTH), bool))
        counted = [entry for entry in everything if entry[2] != empty]
        named.append((row, [(counted[at][0], 1.0, counted[at][2]) for at in right]))
    assert np.array_equal(score_evidence(evidence(named)).mean, bound, equal_nan=True)


@few
@given(data_sets())
def test_the_truth_itself_scores_one_where_masks_differ(data_set):
    images = encoded(data_set)
    perfect = []
    for row, _ in images:
        words = row.text.split()
        entries = sorted(set(zip(words[::2], words[1::2], strict=True)))
        text = format_truth([int(which) for which, _ in entries], [mask for _, mask in entries])
        perfect.append((TableRow(row.image_id, row.width, row.height, text), [(w, 0.5, mask) for w, mask in entries]))
    score = score_evidence(evidence(perfect))
    assert score.mean == score.bound == 1 or math.isnan(score.mean)


def test_reasons_on_a_case_worked_out_by_hand():
    cells = np.zeros((4, 20, 20), bool)
    for number, cell in enumerate(cells):
        cell[5 * number : 5 * number + 4, :10] = True
    first, second, third, nothing_there = (encode_mask(cell) for cell in cells)
    row = TableRow("x", 20, 20, format_truth([0, 0, 3], [first, second, third]))
    near = cells[0].copy()
    near[0, 0] = False
    found = [(0, 0.9, nothing_there), (0, 0.8, first), (0, 0.7, encode_mask(near)), (0, 0.6, third)]
    score = score_evidence(evidence([(row, found)]))
    assert score.classes[0].detections == {
        Outcome.TRUE_POSITIVE: 1,
        Outcome.DUPLICATE: 1,
        Outcome.WRONG_CLASS: 1,
        Outcome.UNMATCHED: 1,
    }
    assert (score.classes[0].missed_by_segmentation, score.classes[0].class_not_predicted) == (1, 0)
    assert (score.classes[3].missed_by_segmentation, score.classes[3].class_not_predicted) == (0, 1)
    assert score.mean == pytest.approx((1 / 2 * 1 / 2 + 0) / 2)
    assert score.bound == pytest.approx((1 / 2 + 1) / 2)
    assert score.gain_without[Outcome.UNMATCHED] == pytest.approx((1 / 2) / 2 - 1 / 8)
    assert score.gain_without[Outcome.DUPLICATE] == 0


def test_the_score_of_nothing():
    score = score_evidence([])
    assert math.isnan(score.mean)
    assert math.isnan(score.bound)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("19 0.5 m", "class 19 is unknown"), ("-1 0.5 m", "class -1 is unknown"), ("0 0.5 m", "decode")],
)
def test_what_cannot_be_scored_is_refused(text, reason):
    with pytest.raises(InputError, match=reason):
        evidence_of(true_entries_of(TableRow("x", 4, 4, "")), text, IOU, "all")
