import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hpa.cells.bag_labels import labels_of_mixed_bags

shares = st.floats(0.01, 1)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=4), shares)
def test_whole_images_keep_their_labels(sizes, shown):
    cells, targets = torch.tensor(sizes), torch.rand(len(sizes), 3)
    assert torch.allclose(labels_of_mixed_bags(torch.diag(cells), cells, targets, shown), targets, atol=1e-5)


@given(st.integers(0, 5), st.integers(0, 5), shares)
def test_more_cells_tell_more_and_never_more_than_the_union(first, second, shown):
    cells, targets = torch.tensor([6, 6]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    few = labels_of_mixed_bags(torch.tensor([[first, second]]), cells, targets, shown)
    more = labels_of_mixed_bags(torch.tensor([[first + 1, second]]), cells, targets, shown)
    assert (more >= few - 1e-6).all()
    union = labels_of_mixed_bags(torch.tensor([[first, second]]), cells, targets, 1.0)
    assert union[0].tolist() == pytest.approx([float(first > 0), float(second > 0)])
    assert (few <= union + 1e-6).all()
