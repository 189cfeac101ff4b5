import numpy as np
import pytest

from hpa.core.errors import InputError
from hpa.inference.tissue.random_masks import RandomMasks
from hpa.metrics.tissue import dice_of_masks


@pytest.mark.parametrize(("share", "cover"), [(0.5, 0.2), (0.5, 0.6), (0.1, 0.3), (1.0, 0.25)])
def test_it_scores_what_chance_scores(share, cover):
    truth = np.random.default_rng(1).random((400, 500)) < cover
    drawn = RandomMasks(share, 0).mask(np.zeros(truth.shape), "a", "lung", 0.4)
    assert dice_of_masks(drawn, truth) == pytest.approx(2 * cover * share / (cover + share), abs=0.01)


def test_masks_follow_from_the_seed_and_differ_from_image_to_image():
    first, again = (RandomMasks(0.5, 3) for _ in range(2))
    nothing = np.zeros((20, 30))
    masks = [first.mask(nothing, image_id, "lung", 0.4) for image_id in "ab"]
    assert (masks[0] != masks[1]).any()
    for image_id, mask in zip("ba", masks[::-1], strict=True):  # whatever was drawn before
        np.testing.assert_array_equal(mask, again.mask(nothing, image_id, "kidney", 1.0))
    assert (RandomMasks(0.5, 4).mask(nothing, "a", "lung", 0.4) != masks[0]).any()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (30, 30)])
def test_a_mask_is_never_empty(shape):
    assert RandomMasks(1e-9, 0).mask(np.zeros(shape), "a", "lung", 0.4).any()


@pytest.mark.parametrize("share", [0.0, 1.1, float("nan")])
def test_a_share_out_of_range_is_an_error(share):
    with pytest.raises(InputError, match=r"thresholds\.share"):
        RandomMasks(share, 0)
