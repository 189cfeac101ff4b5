"""The detection score implemented again with dense masks and plain loops, one detection at a time; random images."""

import numpy as np
from hypothesis import strategies as st

from hpa.core.encoding import decode_mask, encode_mask
from hpa.core.submission import format_truth
from hpa.core.submission_table import TableRow

HEIGHT, WIDTH = 6, 7
CLASSES = (0, 5, 18)


@st.composite
def _rectangles(draw):
    """(top, left, bottom, right); empty now and then."""
    top, left = draw(st.integers(0, HEIGHT - 1)), draw(st.integers(0, WIDTH - 1))
    return top, left, draw(st.integers(top, HEIGHT)), draw(st.integers(left + 1, WIDTH))


@st.composite
def data_sets(draw):
    """Images as (true entries, detections) with rectangles for masks; confidences differ, masks repeat."""
    images = []
    for _ in range(draw(st.integers(1, 3))):
        entry = st.tuples(
            st.sampled_from(CLASSES), st.sampled_from(draw(st.lists(_rectangles(), min_size=1, max_size=5)))
        )
        images.append((draw(st.lists(entry, max_size=5)), draw(st.lists(entry, max_size=8))))
    ranks = iter(draw(st.permutations(range(sum(len(found) for _, found in images)))))
    return [(true, [(which, next(ranks) / 8, mask) for which, mask in found]) for true, found in images]


def encoded(data_set):
    """Images as (truth row, [(class, confidence, mask text)])."""
    images = []
    for number, (true, found) in enumerate(data_set):
        text = format_truth([which for which, _ in true], [_text(box) for _, box in true])
        row = TableRow(f"image{number}", WIDTH, HEIGHT, text)
        images.append((row, [(which, confidence, _text(box)) for which, confidence, box in found]))
    return images


def _text(box):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[box[0] : box[2], box[1] : box[3]] = True
    return encode_mask(mask)


def dense_ap(images, which, iou, verified_by_truth):
    """Return the AP of one class, None without truth."""
    ranked, number_of_true = [], 0
    for row, found in images:
        true = _dense_masks([words for words in _pairs(row.text) if int(words[0]) == which])
        number_of_true += len(true)
        if verified_by_truth and not true:
            continue
        free = set(range(len(true)))
        for _, confidence, text in sorted((entry for entry in found if entry[0] == which), key=lambda entry: -entry[1]):
            mask = decode_mask(text, HEIGHT, WIDTH)
            if not mask.any():
                continue
            overlaps = [(mask & other).sum() / (mask | other).sum() for other in true]
            best = overlaps.index(max(overlaps)) if overlaps else None
            hit = best in free and overlaps[best] >= iou
            free -= {best} if hit else set()
            ranked.append((confidence, hit))
    return _area(sorted(ranked, reverse=True), number_of_true) if number_of_true else None


def _pairs(text):
    words = text.split()
    return list(zip(words[::2], words[1::2], strict=True))


def _dense_masks(pairs):
    masks = [decode_mask(text, HEIGHT, WIDTH) for _, text in pairs]
    return [mask for mask in masks if mask.any()]


def _area(ranked, number_of_true):
    """For each recall that is reached: the best precision at that recall or a higher one."""
    points = []
    for taken in range(1, len(ranked) + 1):
        hits = sum(hit for _, hit in ranked[:taken])
        points.append((hits, hits / taken))
    reached = range(1, max((hits for hits, _ in points), default=0) + 1)
    return sum(max(precision for hits, precision in points if hits >= recall) for recall in reached) / number_of_true
