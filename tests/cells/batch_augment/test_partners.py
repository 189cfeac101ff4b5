import torch
from hypothesis import given
from hypothesis import strategies as st

from hpa.cells.batch_augment.partners import drawn_partners, mixed_targets


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8).filter(any))
def test_cells_come_from_the_partner_of_their_image(sizes):
    image_of_cell = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    image_of_cell = image_of_cell[torch.randperm(len(image_of_cell))]
    partners = drawn_partners(image_of_cell, len(sizes))
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
