from __future__ import annotations

import contextlib
import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from hpa.core.coco import annotations_of
from hpa.core.errors import InputError
from hpa.core.label_map import relabel
from hpa.interfaces import Instances
from hpa.metrics.instances import score_instances
from hpa.metrics.segmentation import THRESHOLDS

NAMES = ("HEK", "N2a")
MAPS = arrays.arrays(np.int32, (5, 7), elements=st.integers(0, 5)).map(relabel)


@st.composite
def pairs(draw):
    """Draw the prediction and the truth of an image."""
    predicted, true = draw(MAPS), draw(MAPS)
    if draw(st.booleans()):  # nearly right
        true = relabel(np.where(draw(arrays.arrays(np.bool_, predicted.shape)), predicted, true))
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    found, cells = int(predicted.max()), int(true.max())
    scores = rng.permutation(found) / 7 + rng.uniform(0, 1 / 8)  # no ties within an image
    return (
        Instances(predicted, rng.integers(0, 2, found), scores),
        Instances(true, rng.integers(0, 2, cells)),
    )


def by_coco(predicted, true):
    """Run COCO's own evaluator on all detections: AP of each class at each threshold."""
    images = [{"id": number, "height": 5, "width": 7} for number in range(len(true))]
    truth = {"images": images, "categories": [{"id": number + 1} for number in range(2)], "annotations": []}
    found = []
    for image, (guess, cells) in enumerate(zip(predicted, true, strict=True)):
        for rows, one in ((truth["annotations"], cells), (found, guess)):
            for number, annotation in enumerate(annotations_of(one.label_map)):
                beside = {} if one.scores is None else {"score": float(one.scores[number])}
                place = {"id": len(rows) + 1, "image_id": image, "category_id": int(one.classes[number]) + 1}
                rows.append({**annotation, **place, **beside})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = truth
        coco.createIndex()
        detections = COCO()
        detections.dataset = {**truth, "annotations": found}
        detections.createIndex()
        evaluation = COCOeval(coco, detections, "segm")
        evaluation.params.iouThrs = np.array(THRESHOLDS)
        evaluation.params.maxDets = [1000]
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
    return evaluation.eval["precision"][:, :, :, 0, 0].mean(axis=1)  # (threshold, class); -1 without truth


def by_voc(predicted, true, wanted):
    """VOC's rule, implemented plainly: dense masks, one detection after the other, the curve summed step by step."""
    ranked = sorted(
        (
            (-float(guess.scores[n]), image, n + 1)
            for image, guess in enumerate(predicted)
            for n in range(len(guess.classes))
            if guess.classes[n] == wanted
        ),
        key=lambda row: row[:2],
    )
    count = sum(int((cells.classes == wanted).sum()) for cells in true)
    used, hits = set(), []
    for _, image, number in ranked:
        best, cell = 0.0, None
        mask = predicted[image].label_map == number
        for other in np.flatnonzero(true[image].classes == wanted) + 1:
            overlap = (mask & (true[image].label_map == other)).sum() / (mask | (true[image].label_map == other)).sum()
            if overlap > best:
                best, cell = overlap, (image, other)
        hits.append(best >= 0.5 and cell not in used)
        used |= {cell} if best >= 0.5 else set()
    precision = [sum(hits[: k + 1]) / (k + 1) for k in range(len(hits))]
    return sum(max(precision[k:]) / count for k in range(len(hits)) if hits[k]) if count else math.nan


@settings(max_examples=60)
@given(st.lists(pairs(), min_size=1, max_size=4))
def test_average_precision_is_that_of_cocos_own_evaluator(images):
    predicted, true = zip(*images, strict=True)
    score = score_instances(predicted, true, NAMES)
    expected = by_coco(predicted, true)
    for number, one in enumerate(score.classes):
        if one.true_count == 0:
            assert math.isnan(one.coco_ap)
            assert expected[0, number] == -1
            continue
        ours = (one.coco_ap, one.coco_ap50, one.coco_ap75)
        assert ours == pytest.approx((expected[:, number].mean(), expected[0, number], expected[5, number]), abs=1e-9)


@given(st.lists(pairs(), min_size=1, max_size=4))
def test_average_precision_is_that_of_a_plain_implementation_of_the_rule_of_voc(images):
    predicted, true = zip(*images, strict=True)
    score = score_instances(predicted, true, NAMES)
    for number, one in enumerate(score.classes):
        assert one.voc_ap50 == pytest.approx(by_voc(predicted, true, number), nan_ok=True)


@given(MAPS, st.integers(0, 1000))
def test_the_truth_scores_one_and_confuses_nothing(label_map, seed):
    rng = np.random.default_rng(seed)
    classes = rng.integers(0, 2, int(label_map.max()))
    truth = Instances(label_map, classes)
    score = score_instances([Instances(label_map, classes, rng.uniform(size=len(classes)))], [truth], NAMES)
    for number, one in enumerate(score.classes):
        count = int((classes == number).sum())
        assert (one.true_count, one.predicted_count) == (count, count)
        expected = 1.0 if count else math.nan
        assert (one.voc_ap50, one.coco_ap) == pytest.approx((expected, expected), nan_ok=True)
    assert np.array_equal(score.confusion, np.diag(np.bincount(classes, minlength=2)))


def test_a_case_by_hand():
    truth = np.zeros((4, 12), np.int32)
    truth[:, 0:4], truth[:, 4:8], truth[:, 8:12] = 1, 2, 3
    found = np.zeros((4, 12), np.int32)
    found[:, 0:4] = 1  # right
    found[:3, 4:8] = 2  # IoU .75, named wrongly
    found[:, 8:10] = 3  # IoU .5
    found[:1, 10:12] = 4  # too small a part
    predicted = Instances(found, np.array([0, 0, 1, 1]), np.array([0.9, 0.8, 0.7, 0.95]))
    score = score_instances([predicted], [Instances(truth, np.array([0, 1, 1]))], NAMES)
    hek, n2a = score.classes
    assert (hek.voc_ap50, hek.coco_ap) == (1.0, 1.0)  # the wrong one is ranked below the right one
    assert n2a.voc_ap50 == pytest.approx(1 / 2 * 1 / 2)  # the second of two, and half of the cells
    assert n2a.coco_ap50 == pytest.approx(51 / 101 * 1 / 2)
    assert n2a.coco_ap75 == 0
    assert score.confusion.tolist() == [[1, 0], [1, 1]]
    assert (score.missed.tolist(), score.unmatched.tolist()) == ([0, 0], [0, 1])
    assert score.mean("voc_ap50") == pytest.approx(0.625)


def test_more_than_a_hundred_instances_all_count():
    label_map = np.arange(1, 401, dtype=np.int32).reshape(20, 20)
    classes = np.zeros(400, np.int64)
    score = score_instances([Instances(label_map, classes, np.ones(400))], [Instances(label_map, classes)], NAMES)
    assert score.classes[0].coco_ap == 1.0


def test_images_without_instances_and_no_images_at_all():
    nothing = np.zeros((3, 3), np.int32)
    none = np.zeros(0, np.int64)
    empty = Instances(nothing, none, np.zeros(0))
    one = Instances(np.ones((3, 3), np.int32), np.zeros(1, np.int64))
    assert score_instances([empty], [one], NAMES).classes[0].coco_ap == 0.0
    assert math.isnan(score_instances([empty], [Instances(nothing, none)], NAMES).mean("coco_ap"))
    assert math.isnan(score_instances([], [], NAMES).mean("voc_ap50"))


def test_what_does_not_fit_is_refused():
    label_map, none = np.ones((3, 3), np.int32), np.zeros(0, np.int64)
    one = Instances(label_map, np.zeros(1, np.int64), np.ones(1))
    with pytest.raises(InputError, match="came 1 for 2 images"):
        score_instances([one], [one, one], NAMES)
    with pytest.raises(InputError, match="scores, these have none"):
        score_instances([Instances(label_map, np.zeros(1, np.int64))], [one], NAMES)
    with pytest.raises(InputError, match="true label map holds 1 instances, but 0 classes"):
        score_instances([one], [Instances(label_map, none)], NAMES)
    with pytest.raises(InputError, match="predicted classes must lie in 0 to 1"):
        score_instances([Instances(label_map, np.array([2]), np.ones(1))], [one], NAMES)
