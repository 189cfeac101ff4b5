import base64
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.encoding import (
    MaskReader,
    decode_column_runs,
    decode_label_map,
    decode_mask,
    encode_column_runs,
    encode_label_map,
    encode_mask,
)
from hpa.core.errors import InputError
from tests.core.random_label_maps import competition_string, label_maps

masks = label_maps(numbers=st.integers(0, 1)).map(lambda label_map: label_map.astype(bool))


@given(masks)
def test_a_mask_is_encoded_as_the_competition_does_and_comes_back(mask):
    text = encode_mask(mask)
    assert text == competition_string(mask)
    assert np.array_equal(decode_mask(text, *mask.shape), mask)


@given(label_maps(numbers=st.sampled_from([0, 1, 2, 9, 300, 70_000])))
def test_every_cell_of_a_label_map_gets_the_string_of_its_mask(label_map):
    texts = encode_label_map(label_map)
    assert list(texts) == sorted(set(label_map.ravel().tolist()) - {0})
    for number, text in texts.items():
        assert text == encode_mask(label_map == number) == competition_string(label_map == number)
    assert np.array_equal(decode_label_map(texts, *label_map.shape), label_map)


def test_a_run_goes_on_from_the_bottom_of_a_column_to_the_top_of_the_next():
    mask = np.array([[0, 1, 1], [0, 0, 0], [1, 1, 0]], bool)
    assert encode_mask(mask) == competition_string(mask)
    assert encode_column_runs(mask) == "3 2 6 2"
    assert len(MaskReader(3, 3).runs([encode_mask(mask)]).starts) == 2


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_label_maps_of_any_integer_type_and_memory_order(dtype, order):
    label_map = np.asarray(np.random.default_rng(0).integers(0, 9, (31, 17)), dtype, order=order)
    assert encode_label_map(label_map)[8] == competition_string(label_map == 8)
    largest = np.iinfo(dtype).max
    assert encode_label_map(np.where(label_map == 8, largest, label_map))[largest] == competition_string(label_map == 8)


def test_maps_larger_than_what_is_compared_at_once(monkeypatch):
    label_map = np.random.default_rng(0).integers(0, 3, (40, 13))
    whole = encode_label_map(label_map)
    for pixels in (1, 13, 30, 200):
        monkeypatch.setattr("hpa.core.run_lengths._BAND_PX", pixels)
        assert encode_label_map(label_map) == whole


def test_the_empty_mask_of_the_competitions_sample_submission():
    assert not decode_mask("eNoLCAgIMAEABJkBdQ==", 2048, 2048).any()
    assert encode_mask(np.zeros((2048, 2048), bool)) == "eNoLCAgIMAEABJkBdQ=="


def test_a_real_sized_map_with_ragged_cells():
    rng = np.random.default_rng(1)
    label_map = rng.integers(1, 40, (300, 211), dtype=np.int32).repeat(2, axis=1)
    texts = encode_label_map(label_map)
    for number in (1, 17, 39):
        assert texts[number] == competition_string(label_map == number)
        assert np.array_equal(decode_mask(texts[number], *label_map.shape), label_map == number)


def test_masks_that_share_a_pixel_make_no_label_map():
    first, second = np.zeros((2, 4, 5), bool)
    first[1:3, 1:3] = second[2:4, 2:4] = True
    with pytest.raises(InputError, match=r"cells (3 and 7|7 and 3) overlap"):
        decode_label_map({3: encode_mask(first), 7: encode_mask(second)}, 4, 5)
    with pytest.raises(InputError, match="numbered from 1"):
        decode_label_map({0: encode_mask(first)}, 4, 5)
    assert not decode_label_map({}, 4, 5).any()


def _packed(counts: bytes) -> str:
    return base64.b64encode(zlib.compress(counts)).decode()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("b'eNozMDQyAAAB6wDE'", r"bytes written with str\(\)"),
        ("not base64!", "does not decode"),
        ("äöü", "does not decode"),
        ("eNozMDQ", "does not decode"),
        (base64.b64encode(b"no zlib").decode(), "does not decode"),
        (_packed(b""), "cut off"),
        (_packed(b"1o"), "cut off"),
        (_packed(b"\x01\x02"), "no COCO run-length text"),
        (_packed(b"O"), "negative length"),
        (encode_mask(np.zeros((1, 3), bool)), "counts 3 pixels, the image has 4"),
        (encode_mask(np.ones((3, 3), bool)), "count of 9 px, the image has 4"),
        (_packed(b"0" * 100_000_000), "inflates to more than the 24 bytes"),
        (_packed(b"0" * 24), "counts 0 pixels"),
    ],
)
def test_damaged_masks_are_refused(text, reason):
    with pytest.raises(InputError, match=reason):
        decode_mask(text, 2, 2)


def test_all_masks_of_an_image_together_inflate_to_a_limit():
    checkerboard = np.indices((1024, 1024)).sum(axis=0) % 2 == 1
    reader = MaskReader(1024, 1024)
    reader.runs([encode_mask(checkerboard)] * 4)
    with pytest.raises(InputError, match=r"inflates to more than the .* bytes that are left"):
        reader.runs([encode_mask(checkerboard)] * 2)


def test_a_mask_that_inflates_a_thousandfold_is_refused_in_little_memory():
    inflater = zlib.compressobj(9)
    bomb = b"".join([*(inflater.compress(bytes(1 << 20)) for _ in range(128)), inflater.flush()])  # 128 MiB in 128 kB
    tracemalloc.start()
    with pytest.raises(InputError, match="inflates to more than"):
        decode_mask(base64.b64encode(bomb).decode(), 64, 64)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000


@given(masks)
def test_column_runs_are_those_found_pixel_by_pixel(mask):
    runs, inside = [], False
    for position, pixel in enumerate(mask.flatten(order="F").tolist(), start=1):
        if pixel and not inside:
            runs.append([position, 0])
        if pixel:
            runs[-1][1] += 1
        inside = pixel
    text = encode_column_runs(mask)
    assert text == " ".join(f"{start} {length}" for start, length in runs)
    assert np.array_equal(decode_column_runs(text, *mask.shape), mask)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1 2 3", "come in pairs"),
        ("1 x", "got 'x'"),
        ("1 -2", "got '-2'"),
        ("1 9223372036854775807", "got '9223372036854775807'"),
        ("0 2", "outside the image"),
        ("12 2", "outside the image"),
        ("3 0", "empty"),
        ("1 3 3 2", "overlap"),
        ("5 2 1 2", "not sorted"),
        ("1 ٣", "got '٣'"),
        ("1" * 19, "got '1111111111111111111'"),
        ("1 1 " * 100, "more than 13 numbers"),
    ],
)
def test_column_runs_are_read_strictly(text, reason):
    with pytest.raises(InputError, match=reason):
        decode_column_runs(text, 3, 4)


def test_long_texts_of_column_runs_are_read_in_pieces():
    mask = np.random.default_rng(0).random((700, 500)) < 0.5
    text = encode_column_runs(mask)
    assert len(text) > 10 * (1 << 16)
    assert np.array_equal(decode_column_runs(text, *mask.shape), mask)
    assert np.array_equal(decode_column_runs(text.replace(" ", "  \n"), *mask.shape), mask)


@pytest.mark.parametrize("digits", [19, 30, 40])
@pytest.mark.parametrize("before", range(32_748, 32_770, 3))
def test_a_long_number_is_not_read_as_two(digits, before):
    with pytest.raises(InputError, match="got '1111111111111111111"):
        decode_column_runs("1 " * before + "1" * digits, 400, 400)


def test_an_image_has_pixels():
    with pytest.raises(InputError, match="up to 536,870,911 px, this one has 1000000 x 1000000 px"):
        decode_column_runs("1 1", 1_000_000, 1_000_000)
    with pytest.raises(InputError, match="height 0"):
        decode_mask("eNozMDQyAAAB6wDE", 0, 4)
