from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from hpa.models.frozen import FeatureCache


class Counting:
    """An extractor that counts the crops it gets."""

    count = 0

    def __call__(self, crops: torch.Tensor) -> torch.Tensor:
        self.count += len(crops)
        return crops.flatten(1).cumsum(dim=1)


@given(st.integers(0, 6), st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=5), min_size=1, max_size=6))
def test_features_are_those_without_it(max_cells, batches):
    crops = torch.rand(5, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    cache = FeatureCache(max_cells)
    for rows in batches:
        assert torch.equal(cache.features_of(crops[rows], Counting()), Counting()(crops[rows]))
    assert len(cache) <= max_cells


def test_a_crop_is_extracted_once_and_a_changed_one_again():
    crops, extract, cache = torch.rand(4, 2, 3, 3), Counting(), FeatureCache(10)
    for _ in range(3):
        cache.features_of(crops, extract)
    assert extract.count == 4
    cache.features_of(crops.flip(-1), extract)
    assert extract.count == 8


def test_features_of_half_precision_are_not_those_of_full():
    crops, cache, layer = torch.rand(3, 1, 2, 2), FeatureCache(10), torch.nn.Linear(4, 2).requires_grad_(False)
    with torch.autocast("cpu", torch.bfloat16):
        half = cache.features_of(crops, lambda shown: layer(shown.flatten(1)))
    full = cache.features_of(crops, lambda shown: layer(shown.flatten(1)))
    assert (half.dtype, full.dtype) == (torch.bfloat16, torch.float32)
    assert torch.equal(full, layer(crops.flatten(1)))


def test_a_full_cache_keeps_what_it_has():
    extract, cache, crops = Counting(), FeatureCache(2), torch.rand(3, 1, 2, 2)
    for _ in range(2):
        cache.features_of(crops, extract)
    assert (len(cache), extract.count) == (2, 4)
