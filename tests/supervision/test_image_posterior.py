from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.supervision.image_posterior import ImagePosterior, given_some_class, logits_of_classes
from hpa.supervision.label_rates import RatePrior
from tests.supervision.noisy_images import noisy_images

PRIOR = RatePrior(0.02, 20.0)


def estimated(class_count, prior=PRIOR) -> ImagePosterior:
    return ImagePosterior("estimated", "estimated", prior, class_count)


def fitted(images, prior=PRIOR) -> ImagePosterior:
    posterior = estimated(images.image_targets.shape[1], prior)
    for _ in range(4):  # as in a training, each from the fit before
        posterior.fit(images.logits, images.image_of_cell, images.image_targets)
    return posterior


@given(
    st.lists(st.floats(-6, 6), min_size=1, max_size=5),
    st.sampled_from([0.0, 1.0]),
    st.floats(0.01, 0.5),
    st.floats(0.01, 0.5),
    st.floats(0.05, 0.5),
    st.floats(-2, 2),
)
def test_with_independent_cells_it_equals_the_sum_over_all_combinations(
    logits, label, missing, invented, share, offset
):
    posterior = ImagePosterior(missing, invented, PRIOR, 1)
    posterior.slope.fill_(1.0)
    posterior.offset.fill_(offset)
    posterior.cell_share.fill_(share)
    # how much more probable the look of each cell is where it shows the class, from Bayes' rule
    more = [float(torch.tensor(logit).exp()) * (1 - share) / share for logit in logits]
    has = float(torch.tensor(offset).sigmoid())
    total, shown = (1 - has) * (invented if label else 1 - invented), [0.0] * len(logits)
    for combination in product([0, 1], repeat=len(logits)):
        weight = has * ((1 - missing) if label else missing)
        for cell, shows in enumerate(combination):
            weight *= 0.5 * (more[cell] if shows else 1.0)
        total += weight
        shown = [value + weight * shows for value, shows in zip(shown, combination, strict=True)]
    found = posterior(
        torch.tensor(logits)[:, None], torch.zeros(len(logits), dtype=torch.int64), torch.tensor([[label]])
    )
    assert found[:, 0].tolist() == pytest.approx([value / total for value in shown], rel=1e-3, abs=1e-5)


@settings(max_examples=10)
@given(
    st.integers(0, 2**20),
    st.lists(st.sampled_from([0.0, 0.05, 0.2, 0.4]), min_size=1, max_size=4),
    st.sampled_from([0.0, 0.02]),
    st.sampled_from([0.0, 0.3]),
)
def test_rates_are_recovered_where_cells_are_separated(seed, missing, invented, resemblance):
    images = noisy_images(
        seed, 600, missing, [invented] * len(missing), separation=4.0, shown_share=0.7, resemblance=resemblance
    )
    found = fitted(images)
    assert (found.false_negative_rate - images.missing).abs().max() < 0.12
    assert (found.false_positive_rate - images.invented).abs().max() < 0.06


def test_rates_that_cannot_be_known_stay_at_their_prior():
    # Predictions that have nothing to do with what cells show; by chance one draw in ten separates images all the same.
    draw = torch.Generator().manual_seed(0)
    found: dict[float, list[float]] = {0.02: [], 0.2: []}
    for _ in range(5):
        images = noisy_images(0, 600, [0.3], [0.05])
        images.logits = torch.randn(images.logits.shape, generator=draw)
        for share, rates in found.items():
            rates.append(float(fitted(images, RatePrior(share, PRIOR.images)).false_negative_rate))
    assert np.median(found[0.02]) < 0.06
    assert np.median(found[0.2]) > 0.15


@pytest.mark.parametrize("share", [0.005, 0.2])
def test_a_wrong_prior_is_outweighed_by_images(share):
    images = noisy_images(3, 800, [0.02, 0.2], [0.02, 0.02], separation=4.0)
    found = fitted(images, RatePrior(share, 20.0)).false_negative_rate
    assert (found - images.missing).abs().max() < 0.08


def test_given_rates_stay_as_they_are():
    images = noisy_images(0, 100, [0.2, 0.2], [0.05, 0.05])
    posterior = ImagePosterior([0.1, 0.3], "estimated", PRIOR, 2)
    posterior.fit(images.logits, images.image_of_cell, images.image_targets)
    assert posterior.false_negative_rate.tolist() == pytest.approx([0.1, 0.3])
    assert posterior.false_positive_rate.tolist() != pytest.approx([0.02, 0.02])


def unusual():
    """Data sets in which some rate cannot be estimated."""
    plain = noisy_images(0, 60, [0.05] * 3, [0.02] * 3)
    logits, images, targets = plain.logits, plain.image_of_cell, plain.image_targets
    hundred = noisy_images(0, 40, [0.05] * 100, [0.02] * 100, frequency=0.03)
    return {
        "a class without a positive": (logits, images, targets * torch.tensor([0.0, 1.0, 1.0])),
        "a class that all images have": (logits, images, targets.maximum(torch.tensor([1.0, 0.0, 0.0]))),
        "all images with one label set": (logits, images, targets[:1].expand(60, -1)),
        "images without cells": (logits[images % 2 == 0], images[images % 2 == 0], targets),
        "one cell": (logits[:1], images[:1], targets[:1]),
        "no cell": (logits[:0], images[:0], targets[:0]),
        "a hundred classes": (hundred.logits, hundred.image_of_cell, hundred.image_targets),
        "a network that is sure": (1e4 * logits, images, targets),
        "half precision": (logits.half(), images, targets),
    }


@pytest.mark.parametrize("name", unusual())
def test_unusual_data_sets_give_rates_within_bounds_and_finite_posteriors(name):
    logits, images, targets = unusual()[name]
    posterior = estimated(targets.shape[1])
    for _ in range(4):
        posterior.fit(logits, images, targets)
    for rate in (posterior.false_negative_rate, posterior.false_positive_rate):
        assert ((rate > 0) & (rate < 1)).all()
    found = posterior(logits, images, targets)
    assert ((found >= 0) & (found <= 1)).all()


def test_a_rare_class_is_not_explained_away():
    # Five labels in 400 images, and a network that knows nothing of the class yet: they are right until shown wrong.
    images = noisy_images(0, 400, [0.02], [0.0], frequency=5 / 400)
    nothing = torch.full_like(images.logits, -5.0)
    posterior = estimated(1)
    for _ in range(20):
        posterior.fit(nothing, images.image_of_cell, images.image_targets)
    found = posterior(nothing, images.image_of_cell, images.image_targets)
    assert found[images.image_targets[images.image_of_cell] == 1].min() > 0.3


def test_its_state_is_saved():
    posterior = fitted(noisy_images(0, 200, [0.2], [0.05]))
    other = estimated(1)
    other.load_state_dict(posterior.state_dict())
    cells = (torch.randn(5, 1), torch.zeros(5, dtype=torch.int64), torch.ones(1, 1))
    assert torch.equal(other(*cells), posterior(*cells))


@given(st.floats(0.02, 0.95), st.floats(0.03, 0.97), st.floats(0.03, 0.97))
def test_classes_are_recovered_from_predictions_of_copied_labels(images, shown, other):
    # a share `images` of the images has the class, half of their cells show it; a prediction of labels mixes both kinds
    otherwise = (images / 2) / (1 - images / 2)
    labels = torch.tensor([[shown + (1 - shown) * otherwise], [other + (1 - other) * otherwise]])
    found = logits_of_classes(labels.logit(), torch.tensor([images])).sigmoid()
    assert found[:, 0].tolist() == pytest.approx([shown, other], abs=2e-3)


def test_a_label_of_all_images_says_nothing_of_their_cells():
    found = logits_of_classes(torch.full((5, 2), 30.0), torch.tensor([1.0, 0.0]))
    assert found.isfinite().all()


@given(st.lists(st.floats(1e-4, 1 - 1e-4), min_size=1, max_size=6))
def test_given_some_class_it_equals_the_sum_over_all_sets_of_classes_but_the_empty_one(shown):
    total, expected = 0.0, [0.0] * len(shown)
    for classes in product([0, 1], repeat=len(shown)):
        if any(classes):
            weight = float(np.prod([p if shows else 1 - p for p, shows in zip(shown, classes, strict=True)]))
            total += weight
            expected = [value + weight * shows for value, shows in zip(expected, classes, strict=True)]
    found = given_some_class(torch.tensor([shown], dtype=torch.float64))
    assert found[0].tolist() == pytest.approx([value / total for value in expected], rel=1e-4)


def test_a_cell_that_shows_nothing_clearly_shows_what_it_resembles_most_and_the_end_of_the_range_is_finite():
    found = given_some_class(torch.tensor([[0.002, 0.001, 0.0], [1.0, 0.5, 0.0], [0.0, 0.0, 0.0]]))
    assert found[0].tolist() == pytest.approx([2 / 3, 1 / 3, 0.0], abs=2e-3)
    assert found[1].tolist() == pytest.approx([1.0, 0.5, 0.0], abs=1e-5)
    assert found[2].tolist() == pytest.approx([1 / 3] * 3, abs=1e-3)


def test_rates_of_other_classes_are_refused():
    with pytest.raises(InputError, match="false_negative_rate holds 2 numbers"):
        ImagePosterior([0.1, 0.1], 0.1, PRIOR, 4)
