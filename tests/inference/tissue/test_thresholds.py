import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from hpa.core.errors import InputError
from hpa.inference.tissue.thresholds import OrganThreshold, OrganThresholdFit, TissueThresholds, mask_at

MAPS = arrays(np.float32, (6, 8), elements=st.floats(0, 1, width=16))
RULES = st.builds(OrganThreshold, st.floats(0.01, 1), st.floats(0, 100))


def dice(one, other):
    return 2 * (one & other).sum() / (one.sum() + other.sum())


def noisy_disc(seed, inside, outside, side=48):
    """A disc of probability about `inside` on about `outside`, with specks as high as the disc."""
    draw = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    truth = np.hypot(rows - side / 2, columns - side / 2) < side / 4
    probabilities = np.where(truth, inside, outside) + draw.normal(0, 0.02, truth.shape)
    specks = draw.random(truth.shape) < 0.01
    return np.clip(np.where(specks, inside, probabilities), 0, 1), truth


@given(MAPS, RULES, st.floats(0.1, 7))
def test_a_mask_is_never_empty_and_holds_what_is_most_probable_or_large_enough(probabilities, rule, pixel_um):
    mask = mask_at(probabilities, rule, pixel_um)
    assert mask.shape == probabilities.shape
    assert mask.any()
    plain = probabilities >= rule.threshold
    parts, count = ndimage.label(plain, np.ones((3, 3)))
    large = [n for n in range(1, count + 1) if (parts == n).sum() >= rule.min_area_um2 / pixel_um**2]
    if large:
        assert np.array_equal(mask, np.isin(parts, large))


@given(MAPS, st.floats(0.01, 1))
def test_without_a_least_area_a_mask_is_the_threshold(probabilities, threshold):
    plain = probabilities >= threshold
    if plain.any():
        assert np.array_equal(mask_at(probabilities, OrganThreshold(threshold, 0.0), 1.0), plain)


def test_the_threshold_is_lowered_until_something_large_enough_is_found():
    probabilities = np.zeros((10, 10))
    probabilities[2:6, 2:6] = 0.2
    probabilities[8, 8] = 0.9
    assert mask_at(probabilities, OrganThreshold(0.5, 4.0), 1.0)[2:6, 2:6].all()
    assert mask_at(probabilities, OrganThreshold(0.5, 0.0), 1.0).sum() == 1
    assert mask_at(probabilities, OrganThreshold(0.5, 1e6), 1.0).sum() == 1
    assert mask_at(np.zeros((3, 4)), OrganThreshold(0.5, 0.0), 1.0).all()


def test_areas_are_physical():
    probabilities = np.zeros((10, 10))
    probabilities[:2, :2] = 0.9
    probabilities[5:9, 5:9] = 0.9
    rule = OrganThreshold(0.5, 10.0)
    assert mask_at(probabilities, rule, 1.0).sum() == 16
    assert mask_at(probabilities, rule, 2.0).sum() == 20


def test_each_organ_gets_its_own_threshold_and_area():
    fit = OrganThresholdFit([0.05, 0.3, 0.5, 0.7], [0.0, 20.0], 0.0)
    for seed in range(3):
        fit.add(*noisy_disc(seed, inside=0.2, outside=0.01), "lung", 1.0)
        fit.add(*noisy_disc(seed, inside=0.9, outside=0.6), "kidney", 1.0)
    fitted = fit.fitted()
    assert fitted.organs == {"kidney": OrganThreshold(0.7, 20.0), "lung": OrganThreshold(0.05, 20.0)}
    for organ, inside, outside in (("lung", 0.2, 0.01), ("kidney", 0.9, 0.6)):
        probabilities, truth = noisy_disc(9, inside, outside)
        assert dice(fitted.mask(probabilities, "a", organ, 1.0), truth) > 0.97
        assert fit.mean_dice(organ) > 0.97


def test_few_images_of_an_organ_listen_to_the_others_and_many_do_not():
    def fitted(lungs):
        fit = OrganThresholdFit([0.05, 0.3, 0.5, 0.7], [0.0], 5.0)
        for seed in range(8):
            fit.add(*noisy_disc(seed, inside=0.9, outside=0.4), "kidney", 1.0)
        for seed in range(lungs):
            fit.add(*noisy_disc(seed, inside=0.4, outside=0.01), "lung", 1.0)
        return fit, fit.fitted()

    few, rules = fitted(1)
    assert rules.organs["lung"].threshold == rules.otherwise.threshold == rules.organs["kidney"].threshold
    many, rules = fitted(12)
    assert rules.organs["lung"].threshold < rules.organs["kidney"].threshold
    assert few.mean_dice("lung") < many.mean_dice("lung")


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1))
def test_the_fit_is_the_best_of_the_grid_by_masks_that_are_painted(seed):
    """Against painting every mask of the grid and counting its pixels."""
    draw = np.random.default_rng(seed)
    images = [(draw.random((12, 9)) ** 2, draw.random((12, 9)) < 0.4) for _ in range(3)]
    thresholds, areas = [0.3, 0.6, 0.95], [0.0, 3.0, 40.0]
    fit = OrganThresholdFit(thresholds, areas, 5.0)
    for probabilities, truth in images:
        fit.add(probabilities, truth, "spleen", 0.7)
    table = {
        (threshold, area): np.mean([dice(mask_at(p, OrganThreshold(threshold, area), 0.7), t) for p, t in images])
        for threshold in thresholds
        for area in areas
    }
    rule = fit.fitted().organs["spleen"]
    assert table[rule.threshold, rule.min_area_um2] == pytest.approx(max(table.values()))
    assert fit.mean_dice("spleen") == pytest.approx(max(table.values()))


def test_an_organ_that_was_not_seen_gets_what_serves_all():
    rules = TissueThresholds({"lung": OrganThreshold(0.1, 0.0)}, OrganThreshold(0.5, 0.0))
    probabilities = np.array([[0.2, 0.6]])
    assert rules.mask(probabilities, "a", "lung", 1.0).tolist() == [[True, True]]
    assert rules.mask(probabilities, "a", "heart", 1.0).tolist() == [[False, True]]


def test_of_equally_good_ones_the_threshold_nearest_one_half_is_taken():
    fit = OrganThresholdFit([0.1, 0.4, 0.9], [5.0, 0.0], 5.0)
    truth = np.arange(64).reshape(8, 8) % 8 < 4
    fit.add(truth.astype(np.float32), truth, "kidney", 1.0)
    assert fit.fitted().organs["kidney"] == OrganThreshold(0.4, 0.0)
    assert fit.fitted().otherwise == OrganThreshold(0.4, 0.0)


def test_what_makes_no_sense_is_refused():
    with pytest.raises(InputError, match="0 < threshold <= 1"):
        OrganThreshold(0.0, 1.0)
    with pytest.raises(InputError, match="finite probabilities"):
        mask_at(np.array([[np.nan]]), OrganThreshold(0.5, 0.0), 1.0)
    with pytest.raises(InputError, match="pixel size above 0"):
        mask_at(np.array([[0.5]]), OrganThreshold(0.5, 0.0), float("nan"))
    with pytest.raises(InputError, match="one number or more"):
        OrganThresholdFit([], [0.0], 5.0)
    with pytest.raises(InputError, match=r"thresholds\.shared_images"):
        OrganThresholdFit([0.5], [0.0], -1.0)
    with pytest.raises(InputError, match="none was given"):
        OrganThresholdFit([0.5], [0.0], 5.0).fitted()
