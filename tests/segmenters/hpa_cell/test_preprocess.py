from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from scipy.special import softmax

from hpa.core.errors import InputError
from hpa.segmenters.hpa_cell.preprocess import (
    check_scale,
    full_size_planes,
    margins_of,
    network_input,
    rescaled,
    without_margin,
)

NAMES = ("sq128_u8", "rect128x192_u8", "sq130_u16")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("padded", [False, True])
def test_input_of_both_networks_is_that_of_the_original(cases: Path, name: str, padded: bool) -> None:
    expected = np.load(cases / "preprocess_cases.npz")
    red, yellow, blue = (rescaled(expected[f"{name}/{stain}"], 0.25) for stain in ("red", "yellow", "blue"))
    key = f"{name}/pad{int(padded)}"
    for planes, tensor in (
        ((blue, blue, blue), "nuclei_tensor"),
        ((red, yellow, blue), "cell_tensor"),
        ((red, np.zeros_like(red), blue), "cell_tensor_2ch"),
    ):
        reference = expected[f"{key}/{tensor}"][0]
        # without a margin, the original hands over sizes that its network refuses; here they are filled up
        found = network_input(planes, padded)[:, : reference.shape[1], : reference.shape[2]]
        np.testing.assert_allclose(found, reference, atol=2e-6)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("padded", [False, True])
def test_output_is_enlarged_as_in_the_original(cases: Path, name: str, padded: bool) -> None:
    """The references come from a network that returns its input; the original takes height for width."""
    expected = np.load(cases / "preprocess_cases.npz")
    key = f"{name}/pad{int(padded)}"
    size = expected[f"{name}/blue"].shape
    small = (round(size[0] / 4), round(size[1] / 4))
    parts = [
        without_margin(softmax(expected[f"{key}/{kind}_tensor"][0], axis=0), small, padded)
        for kind in ("nuclei", "cell")
    ]
    swapped = full_size_planes(parts[0], parts[1], size[::-1])
    for plane, kind in zip(swapped, ("nuclei", "cells"), strict=True):
        reference = expected[f"{key}/pred_{kind}"]
        assert np.abs(plane.astype(int) - reference).max() <= 1  # a level at most, by rounding of float32
        assert (plane != reference).mean() < 1e-3
    assert full_size_planes(parts[0], parts[1], size)[0].shape == (*size, 3)


@settings(max_examples=25, deadline=None)
@given(
    plane=arrays(np.uint8, st.tuples(st.integers(1, 40), st.integers(1, 40))),
    scale=st.sampled_from([0.25, 0.5, 0.75, 1.0, 2.0]),
)
def test_rescaling_equals_a_blur_and_a_zoom(plane: np.ndarray, scale: float) -> None:
    size = [max(1, round(length * scale)) for length in plane.shape]
    factors = np.divide(plane.shape, size)
    smooth = ndimage.gaussian_filter(plane / 255, np.maximum(0, (factors - 1) / 2), mode="mirror")
    # sampled at the centres of the new pixels, linearly, the image mirrored at its outermost pixels
    centres = [(np.arange(new) + 0.5) * factor - 0.5 for new, factor in zip(size, factors, strict=True)]
    reference = ndimage.map_coordinates(smooth, np.meshgrid(*centres, indexing="ij"), order=1, mode="mirror")
    np.testing.assert_allclose(rescaled(plane, scale), reference, atol=1e-12)


@given(length=st.integers(1, 3000), reflect=st.booleans())
def test_padded_lengths_are_multiples_of_the_stride_and_no_longer_than_needed(length: int, reflect: bool) -> None:
    before, after = margins_of(length, reflect)
    assert (length + before + after) % 32 == 0
    assert 0 <= after <= 32
    assert before == (32 if reflect else 0)


def test_padding_repeats_the_edge_of_images_smaller_than_itself() -> None:
    plane = np.arange(3.0)[None]
    padded = network_input((plane, plane, plane), True)
    assert padded.shape == (3, 64, 64)
    inner = without_margin(padded, (1, 3), True)
    np.testing.assert_array_equal(inner[..., 1], padded[1, 32:33, 32:35])
    assert not inner[..., 0].any()
    np.testing.assert_array_equal(padded[:, 32, 31], padded[:, 32, 32])
    np.testing.assert_array_equal(padded[:, 0], padded[:, 63])


def test_whole_factors_repeat_blocks() -> None:
    small = np.random.default_rng(0).random((4, 5, 3), np.float32)
    nuclei, cells = full_size_planes(small, small, (16, 20))
    blocks = np.rint(small * 255).astype(np.uint8).repeat(4, axis=0).repeat(4, axis=1)
    np.testing.assert_array_equal(nuclei, blocks)
    np.testing.assert_array_equal(cells, blocks)


def test_pixels_too_coarse_are_refused() -> None:
    check_scale("a", 4.0, 4.0)
    with pytest.raises(InputError, match=r"a: .* enlarged 7\.5 times"):
        check_scale("a", 7.5, 4.0)
