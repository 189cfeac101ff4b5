import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hpa.cells.batch_augment.mixing import labels_of_mixed_bags, mixed_targets, random_partners


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8).filter(any))
def test_cells_come_from_the_partner_of_their_image(sizes):
    image_of_cell = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    image_of_cell = image_of_cell[torch.randperm(len(image_of_cell))]
    partners = random_partners(image_of_cell, len(sizes))
    assert torch.equal(image_of_cell[partners.cells], partners.images[image_of_cell])
    empty = torch.tensor(sizes) == 0
    assert torch.equal(partners.images[empty], torch.arange(len(sizes))[empty])
    assert sorted(partners.images.tolist()) == list(range(len(sizes)))
    if (~empty).sum() > 1:
        assert (partners.images[~empty] != torch.arange(len(sizes))[~empty]).all()


def test_rows_of_full_share_stay_and_unknown_ones_stay_unknown():
    targets = torch.tensor([[1.0, 0.0], [0.0, 1.0], [torch.nan, torch.nan]])
    mixed = mixed_targets(targets, torch.tensor([1, 2, 0]), torch.tensor([0.75, 1.0, 0.5]))
    assert mixed[0].tolist() == [0.75, 0.25]
    assert mixed[1].tolist() == [0.0, 1.0]
    assert mixed[2].isnan().all()


shares = st.floats(0.01, 1)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=4), shares)
def test_whole_images_keep_their_labels(sizes, positive):
    cells, targets = torch.tensor(sizes), torch.rand(len(sizes), 3)
    assert torch.allclose(labels_of_mixed_bags(torch.diag(cells), cells, targets, positive), targets, atol=1e-5)


@given(st.integers(0, 5), st.integers(0, 5), shares)
def test_more_cells_raise_the_labels_up_to_the_union(first, second, positive):
    cells, targets = torch.tensor([6, 6]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    few = labels_of_mixed_bags(torch.tensor([[first, second]]), cells, targets, positive)
    more = labels_of_mixed_bags(torch.tensor([[first + 1, second]]), cells, targets, positive)
    assert (more >= few - 1e-6).all()
    union = labels_of_mixed_bags(torch.tensor([[first, second]]), cells, targets, 1.0)
    assert union[0].tolist() == pytest.approx([float(first > 0), float(second > 0)])
    assert (few <= union + 1e-6).all()
