import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from hpa.core.errors import InputError
from hpa.core.run_lengths import MAX_MASK_PX, max_text_bytes, pack, runs_of, unpack
from tests.core.random_label_maps import label_maps


@given(label_maps())
def test_packed_cells_are_pycocotools_texts_and_unpack_to_the_same_runs(label_map):
    runs, cells = runs_of(label_map)
    texts = pack(runs, len(cells), label_map.size)
    for number, text in zip(cells, texts, strict=True):
        assert text == coco_mask.encode(np.asfortranarray((label_map == number).astype(np.uint8)))["counts"]
    again = unpack(texts, label_map.size)
    assert np.array_equal(again.mask_of, runs.mask_of)
    assert np.array_equal(again.starts, runs.starts)
    assert np.array_equal(again.stops, runs.stops)


@given(label_maps(numbers=st.integers(0, 1)), label_maps(numbers=st.integers(0, 1)))
def test_masks_without_a_pixel_keep_their_place(first, second):
    size = max(first.size, second.size)
    masks = [np.zeros(size, np.uint8) for _ in range(4)]
    masks[1][: first.size], masks[3][: second.size] = first.ravel(), second.ravel()
    texts = [coco_mask.encode(np.asfortranarray(mask[:, None]))["counts"] for mask in masks]
    runs = unpack(texts, size)
    areas = np.bincount(runs.mask_of, runs.stops - runs.starts, minlength=4)
    assert areas.tolist() == [mask.sum() for mask in masks]
    assert pack(runs, 4, size) == texts


@given(st.lists(st.binary(max_size=40), max_size=4), st.integers(1, 10_000))
@example([b"0o"], 1)
@example([b""], 1)
@example([b"o" * 20 + b"0"], 1)
@example([], 1)
def test_any_bytes_are_refused_or_give_runs_inside_the_image(texts, size):
    try:
        runs = unpack(texts, size)
    except InputError:
        return
    assert (runs.starts < runs.stops).all()
    assert (runs.starts >= 0).all()
    assert (runs.stops <= size).all()


def test_huge_images_need_long_counts():
    text = coco_mask.encode(np.zeros((2, 2), np.uint8, order="F"))["counts"]
    with pytest.raises(InputError, match=f"counts 4 pixels, the image has {MAX_MASK_PX}"):
        unpack([text], MAX_MASK_PX)
    with pytest.raises(InputError, match="up to 536,870,911 px, this one has 536,870,912"):
        unpack([text], MAX_MASK_PX + 1)
    counts = [1 << 27, 1 << 27, (1 << 28) - 2, 1]
    runs = unpack([text_of(counts)], sum(counts))
    assert (runs.starts.tolist(), runs.stops.tolist()) == ([counts[0], sum(counts) - 1], [sum(counts[:2]), sum(counts)])


@pytest.mark.parametrize(
    "counts",
    [
        [1 << 31, 1000 - (1 << 31)],
        [3, (1 << 59) - 1, 3],
        [1, 1001],
        [0, 2, 2, 1005],
        # 1000 modulo 2 to the 32nd and to the 64th: what sums in C come to
        [*[1 << 30] * 4, 1000],
        [*[1 << 58] * 64, 1000],
    ],
)
def test_counts_larger_than_the_image_are_refused_before_they_are_summed(counts):
    with pytest.raises(
        InputError, match=r"count of ([0-9,]+ px, the image has 1,000|more than 30 bits)|negative length"
    ):
        unpack([text_of(counts)], 1000)


@given(st.lists(st.integers(0, 3000), min_size=1, max_size=50).filter(any))
def test_no_mask_needs_a_longer_text_than_the_limit(counts):
    filled = [counts[0], *(max(1, count) for count in counts[1:])]
    assert len(text_of(filled)) <= max_text_bytes(sum(filled))


def test_texts_longer_than_any_mask_are_refused():
    padded = text_of([0, 0] * 100 + [4])
    with pytest.raises(InputError, match="201 bytes is longer than any mask of 4 px"):
        unpack([padded], 4)


def test_many_texts_are_read_in_batches():
    texts = [text_of([number, 1, 3 - number]) for number in range(4)] * 100_000
    runs = unpack(texts, 4)
    assert np.array_equal(runs.mask_of, np.arange(400_000))
    assert np.array_equal(runs.starts, np.arange(400_000) % 4)


def text_of(counts):
    """Write counts as COCO's text, one after the other."""
    text = bytearray()
    for place, count in enumerate(counts):
        value = count - counts[place - 2] if place > 2 else count
        more = True
        while more:
            group, value = value & 31, value >> 5
            more = value != (-1 if group & 16 else 0)
            text.append(48 + (group | 32 * more))
    return bytes(text)


def test_nothing_to_encode_is_refused():
    with pytest.raises(InputError, match="at least one pixel"):
        runs_of(np.zeros((0, 5), np.int32))
    with pytest.raises(InputError, match="not -4"):
        runs_of(np.array([[0, -4]], np.int32))
