from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.metrics.detection import average_precision, score_evidence
from hpa.metrics.detection_evidence import ImageEvidence
from hpa.metrics.detection_gain import gain_over_images, weighted_average_precision

detections = st.lists(st.tuples(st.booleans(), st.integers(0, 3)), min_size=1, max_size=30)


def image(name: str, confidences: list[float], right: list[bool], class_: int = 3) -> ImageEvidence:
    """As many cells as detections, each of which finds its own or none."""
    count = len(right)
    return ImageEvidence(
        image_id=name,
        true_classes=np.full(count, class_, np.int64),
        reachable=np.ones(count, bool),
        classes=np.full(count, class_, np.int64),
        confidences=np.array(confidences, np.float64),
        mask_rank=np.arange(count),
        candidate=np.where(right, np.arange(count), -1).astype(np.int64),
        matches_any=np.array(right, bool),
    )


@given(detections, st.integers(0, 5))
def test_of_weights_0_and_1_it_is_that_of_the_detections_that_count(drawn, missed):
    hits = np.array([hit for hit, _ in drawn])
    weights = np.array([float(weight > 0) for _, weight in drawn])
    true = int((hits * weights).sum()) + missed
    expected = average_precision(hits[weights > 0], true)
    assert weighted_average_precision(hits, weights, float(true)) == pytest.approx(expected, nan_ok=True)


@given(st.lists(st.booleans(), min_size=1, max_size=20), st.integers(1, 5), st.integers(1, 4))
def test_a_set_that_is_drawn_several_times_scores_as_once(hits, true, times):
    hits, true = np.array(hits), true + sum(hits)
    weights = np.full(len(hits), float(times))
    assert weighted_average_precision(hits, weights, float(times * true)) == pytest.approx(
        average_precision(hits, true)
    )


def test_the_gain_is_the_difference_of_the_scores_and_lies_in_its_interval():
    rng = np.random.default_rng(0)

    def submission(share: float) -> list[ImageEvidence]:
        return [
            image(f"{number}", rng.random(6).tolist(), (rng.random(6) < share).tolist(), number % 4)
            for number in range(40)
        ]

    good, bad = submission(0.9), submission(0.3)
    gain = gain_over_images(good, bad, 200, seed=1)
    assert gain.mean == pytest.approx(score_evidence(good).mean - score_evidence(bad).mean)
    assert 0 < gain.low < gain.mean < gain.high
    back = gain_over_images(bad, good, 200, seed=1)
    assert (back.mean, back.low, back.high) == pytest.approx((-gain.mean, -gain.high, -gain.low))


def test_a_submission_gains_nothing_against_itself():
    same = [image(f"{number}", [0.5, 0.2], [True, False]) for number in range(5)]
    gain = gain_over_images(same, same[::-1], 50, seed=0)
    assert (gain.mean, gain.low, gain.high) == (0.0, 0.0, 0.0)


def test_one_image_gives_no_interval():
    with pytest.raises(InputError, match="two or more, the ground truth has 1"):
        gain_over_images([image("a", [0.5], [True])], [image("a", [0.5], [True])], 10, seed=0)
