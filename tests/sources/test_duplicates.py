from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.artifacts import ArtifactCache
from hpa.core.field import Field
from hpa.formats.images import read_plane
from hpa.sources.duplicates import Fingerprint, duplicate_pairs, fingerprint_of, merge_groups, with_duplicate_groups
from tests.small_sets import CHANNELS, blobs, save
from tests.sources.test_kaggle_hpa import source


def field_of(pixels: np.ndarray) -> Field:
    return Field("a", pixels, CHANNELS[: len(pixels)], 0.08)


def scaled(pixels: np.ndarray, factor: float) -> np.ndarray:
    return np.stack([cv2.resize(plane, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA) for plane in pixels])


def noisy(pixels: np.ndarray, deviation: float) -> np.ndarray:
    noise = np.random.default_rng(7).normal(0, deviation, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


COPIES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "same": lambda pixels: pixels.copy(),
    "smaller": lambda pixels: scaled(pixels, 0.5),
    "larger": lambda pixels: scaled(pixels, 1.5),
    "brighter": lambda pixels: np.clip(pixels * 1.5, 0, 255).astype(np.uint8),
    "darker": lambda pixels: (pixels * 0.5).astype(np.uint8),
    "deeper": lambda pixels: pixels.astype(np.uint16) * 257,
    "noisier": lambda pixels: noisy(pixels, 10),
}


@pytest.mark.parametrize("change", COPIES.values(), ids=COPIES.keys())
def test_a_copy_is_found_among_different_fields(change: Callable[[np.ndarray], np.ndarray]) -> None:
    fields = [blobs(seed) for seed in range(8)]
    prints = [fingerprint_of(field_of(pixels)) for pixels in [*fields, change(fields[3])]]
    assert duplicate_pairs(prints) == [(3, 8)]


def test_blank_fields_are_duplicates_only_of_equal_ones() -> None:
    blanks = [np.full((2, 16, 16), value, np.uint8) for value in (0, 9, 0)]
    assert duplicate_pairs([fingerprint_of(field_of(pixels)) for pixels in blanks]) == [(0, 2)]


def test_images_that_could_not_be_read_and_other_channels_are_passed_over() -> None:
    pixels = blobs(0)
    prints = [fingerprint_of(field_of(pixels)), None, fingerprint_of(field_of(pixels[:2]))]
    assert duplicate_pairs(prints) == []
    assert duplicate_pairs([]) == []


def test_the_index_finds_what_comparing_all_pairs_finds() -> None:
    random = np.random.default_rng(0)
    values = random.standard_normal((400, 552)).astype(np.float32)
    values[200:] = values[:200] + 0.35 * random.standard_normal((200, 552)).astype(np.float32)
    values /= np.linalg.norm(values, axis=1, keepdims=True)
    prints = [
        Fingerprint(str(index).encode(), np.packbits(row[:544] > 0).view(np.uint16), row)
        for index, row in enumerate(values)
    ]
    slow = [(i, j) for i, j in combinations(range(400), 2) if float(np.dot(values[i], values[j])) >= 0.85]
    found = duplicate_pairs(prints)
    assert set(found) <= set(slow)
    assert len(found) >= 0.99 * len(slow) > 150


@given(
    st.integers(1, 12).flatmap(
        lambda count: st.tuples(
            st.lists(st.sampled_from("abcdefgh"), min_size=count, max_size=count),
            st.lists(st.tuples(st.integers(0, count - 1), st.integers(0, count - 1)), max_size=8),
        )
    )
)
def test_groups_join_as_by_repeated_renaming(case: tuple[list[str], list[tuple[int, int]]]) -> None:
    groups, pairs = case
    slow = list(groups)
    for first, second in pairs:
        keep, drop = sorted((slow[first], slow[second]), key=groups.index)
        slow = [keep if name == drop else name for name in slow]
    assert merge_groups(groups, pairs) == slow


def test_duplicates_share_a_group_and_unreadable_images_are_named(
    make_set: Callable[..., Path], tmp_path: Path
) -> None:
    root = make_set(dict.fromkeys(("a", "b", "c", "d"), "0"))
    for image_id, pixels in {"a": blobs(0), "b": blobs(1), "c": scaled(blobs(0), 0.5), "d": blobs(1)}.items():
        for channel, plane in zip(CHANNELS, pixels, strict=True):
            save(plane, root / "train" / f"{image_id}_{channel}.png")
    reader = source(root)
    table = reader.table("train").require_usable()
    (root / "train" / "d_red.png").unlink()
    cache = ArtifactCache(tmp_path)
    grouped = with_duplicate_groups(reader, table, "train", cache)
    assert grouped.frame["group"].tolist() == ["a", "b", "a", "d"]
    assert [problem.subject for problem in grouped.problems] == ["d"]
    kept = {file: file.read_bytes() for file in (tmp_path / "fingerprints").glob("*/*.npy")}
    assert len(kept) == 3
    next(iter(kept)).write_bytes(b"cut short")
    again = with_duplicate_groups(reader, table, "train", cache)
    assert again.frame["group"].tolist() == ["a", "b", "a", "d"]
    assert {file: file.read_bytes() for file in (tmp_path / "fingerprints").glob("*/*.npy")} == kept
    assert table.frame["group"].tolist() == ["a", "b", "c", "d"]


def test_real_images_are_distinguished_and_their_copies_found(samples: Path) -> None:
    folder = samples / "cellpainting" / "nf1_schwann"
    fields = [
        np.stack([read_plane(folder / f"{well}_01_{k}_{site}_{name}_001.tif") for k, name in ((2, "GFP"), (1, "DAPI"))])
        for well, site in (("B7", 3), ("D6", 2), ("D7", 1), ("F7", 2), ("H12", 1))
    ]
    eight_bit = (scaled(fields[2], 0.5) // 257).astype(np.uint8)
    prints = [fingerprint_of(field_of(pixels)) for pixels in [*fields, eight_bit]]
    assert duplicate_pairs(prints) == [(2, 5)]
