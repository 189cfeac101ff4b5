import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from hpa.core.errors import InputError
from hpa.core.run_lengths import pack, runs_of, unpack
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
    size = 1 << 40
    text = coco_mask.encode(np.zeros((2, 2), np.uint8, order="F"))["counts"]
    with pytest.raises(InputError, match=f"counts 4 pixels, the image has {size}"):
        unpack([text], size)


def test_nothing_to_encode_is_refused():
    with pytest.raises(InputError, match="at least one pixel"):
        runs_of(np.zeros((0, 5), np.int32))
    with pytest.raises(InputError, match="not -4"):
        runs_of(np.array([[0, -4]], np.int32))
