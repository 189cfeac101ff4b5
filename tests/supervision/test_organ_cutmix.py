import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from hpa.core.errors import InputError
from hpa.interfaces import PixelBatch, PixelOutput, Supervision
from hpa.supervision.dense import DenseSupervision
from hpa.supervision.organ_cutmix import OrganCutMixSupervision, partners_of
from tests.roles import assert_fills


class Remembers(nn.Module):
    """Predicts 0 for every pixel, and keeps its input."""

    def forward(self, batch):
        self.seen = batch
        return PixelOutput(torch.zeros_like(batch.targets))


def numbered(organs, side=16, has_truth=None):
    """Tiles whose pixels, of image and mask, all hold their number."""
    count = len(organs)
    planes = torch.arange(count, dtype=torch.float32)[:, None, None, None].expand(count, 1, side, side)
    return PixelBatch(
        images=planes,
        targets=planes / 10,
        label_maps=torch.zeros(count, side, side, dtype=torch.int32),
        instance_classes=tuple(torch.zeros(0, dtype=torch.int64) for _ in range(count)),
        image_row=torch.arange(count),
        organs=None if organs[0] is None else tuple(organs),
        has_truth=has_truth,
    )


def mixed(batch, max_share=0.5, probability=1.0):
    model = Remembers()
    supervision = OrganCutMixSupervision(DenseSupervision(nn.MSELoss()), max_share, probability)
    assert_fills(supervision, Supervision)
    assert supervision.step(model, batch, 0.0).terms.keys() == {"pixels"}
    return model.seen


@given(st.lists(st.sampled_from(["lung", "spleen", ""]), min_size=1, max_size=9), st.integers(0, 99))
@settings(max_examples=40)
def test_tiles_hold_parts_of_their_own_organ_and_the_mask_comes_along(organs, seed):
    torch.manual_seed(seed)
    seen = mixed(numbered(organs))
    assert torch.equal(seen.images, seen.targets * 10)
    for row, organ in enumerate(organs):
        for number in seen.images[row].unique().int().tolist():
            assert number == row or (organ and organs[number] == organ)


def test_about_as_much_is_exchanged_as_configured():
    torch.manual_seed(0)
    seen = mixed(numbered(["lung"] * 400, side=32), max_share=0.5, probability=0.5)
    own = torch.arange(400)[:, None, None, None]
    changed = (seen.images != own).float().mean(dim=(1, 2, 3))
    assert 0.4 < (changed > 0).float().mean() < 0.6
    assert changed.max() <= 0.6
    assert changed.mean() == pytest.approx(0.125, abs=0.03)  # half of them, a quarter of each


def test_nothing_is_exchanged_at_probability_0_or_alone_or_with_unannotated_tiles():
    assert torch.equal(mixed(numbered(["lung"] * 4), probability=0.0).images, numbered(["lung"] * 4).images)
    assert torch.equal(mixed(numbered(["lung", "spleen"])).images, numbered(["lung", "spleen"]).images)
    known = torch.tensor([True, False, True])
    seen = mixed(numbered(["lung"] * 3, has_truth=known))
    assert seen.images[1].unique().tolist() == [1.0]


@given(st.integers(2, 12), st.integers(0, 99))
def test_every_image_has_another_one_as_partner(count, seed):
    torch.manual_seed(seed)
    partners = partners_of(["lung"] * count, torch.ones(count, dtype=torch.bool))
    assert sorted(partners.tolist()) == list(range(count))
    assert not (partners == torch.arange(count)).any()


def test_unusable_data_and_settings_are_refused():
    with pytest.raises(InputError, match="organ"):
        mixed(numbered([None]))
    for max_share, probability in ((0.0, 0.5), (1.0, 0.5), (0.5, 1.5)):
        with pytest.raises(InputError, match="max_share"):
            mixed(numbered(["lung"]), max_share, probability)
