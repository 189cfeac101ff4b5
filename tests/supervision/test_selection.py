from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.supervision.label_rates import RatePrior
from hpa.supervision.selection import (
    ExpectationSelection,
    RankSelection,
    SoftSelection,
    ThresholdSelection,
)
from tests.supervision.labeled_cells import labeled_cells
from tests.supervision.noisy_images import noisy_images
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import cell_average_precision, tiny_model, toy_batch, train


@given(cells=labeled_cells())
def test_soft_at_temperature_one_it_is_the_teacher(cells):
    assert torch.allclose(SoftSelection(1.0)(*cells), cells[0], atol=2e-6)


@given(cells=labeled_cells())
def test_soft_low_temperatures_sharpen_and_high_ones_flatten(cells):
    away = (cells[0] - 0.5).abs()
    assert ((SoftSelection(0.5)(*cells) - 0.5).abs() >= away - 2e-6).all()
    assert ((SoftSelection(2.0)(*cells) - 0.5).abs() <= away + 2e-6).all()


def test_threshold_the_threshold_itself_is_enough():
    probabilities = torch.tensor([[0.49, 0.5], [0.51, 1.0]])
    pseudo_labels = ThresholdSelection(0.5)(probabilities, torch.ones(2, 2), torch.zeros(2, dtype=torch.int64))
    assert pseudo_labels.tolist() == [[0, 1], [1, 1]]


@given(cells=labeled_cells(), share=st.floats(0.05, 1.0))
def test_rank_equals_a_loop_over_images(cells, share):
    probabilities, _, image_of_cell = cells
    pseudo_labels = RankSelection(share)(*cells)
    for image in image_of_cell.unique().tolist():
        of_image = [cell for cell, other in enumerate(image_of_cell.tolist()) if other == image]
        for column in range(probabilities.shape[1]):
            best = sorted(of_image, key=lambda cell, column=column: (-float(probabilities[cell, column]), cell))
            count = max(1, math.ceil(len(of_image) * share - 1e-6))
            kept = {cell for cell in of_image if pseudo_labels[cell, column] == 1}
            assert kept in ({*best[:count]}, {*best[: count + 1]})  # float32 may round len * share up to the next


@dataclass
class Classes:
    """A network, as far as a selection reads it."""

    class_count: int
    feature_count: int = 1

    def __call__(self, batch):
        raise NotImplementedError


PRIOR = RatePrior(0.02, 20.0)


def test_expectation_labels_choose_the_images_and_the_teacher_their_cells():
    simulated = noisy_images(seed=0, images=300, false_negative=[0.02], false_positive=[0.02])
    images = simulated.image_of_cell
    pseudo_labels = ExpectationSelection("estimated", "estimated", PRIOR, Classes(1))(
        simulated.logits.sigmoid(), simulated.image_targets[images], images + 7
    )
    teacher = simulated.logits.sigmoid()
    assert (pseudo_labels - simulated.shown).abs().mean() < 0.7 * (teacher - simulated.shown).abs().mean()
    assert pseudo_labels[simulated.image_targets[images] == 0].mean() < 0.02


def test_expectation_numbers_of_images_do_not_matter():
    cells = noisy_images(seed=1, images=40, false_negative=[0.1, 0.1], false_positive=[0.02, 0.02])
    labels, order = cells.image_targets[cells.image_of_cell], torch.randperm(len(cells.logits))
    probabilities = cells.logits.sigmoid()
    one, other = (ExpectationSelection("estimated", 0.02, PRIOR, Classes(2)) for _ in range(2))
    expected = one(probabilities, labels, cells.image_of_cell)[order]
    shuffled = other(probabilities[order], labels[order], 1000 - 3 * cells.image_of_cell[order])
    assert torch.allclose(shuffled, expected, atol=1e-3)


def test_expectation_cells_are_learned_from_the_posterior_of_a_moving_average():
    model = tiny_model()
    words = "supervision=pseudo_label supervision/selection=expectation supervision.label_weight=0.0"
    supervision = shipped(f"{words} supervision.unlabeled_weight=1.0 supervision.teacher.decay=0.9", model)
    losses = train(supervision, model, [toy_batch(seed) for seed in range(30)])
    assert losses[-1] < 0.7 * losses[0]
    assert cell_average_precision(model) > 0.9


def test_expectation_rates_of_other_classes_are_refused():
    with pytest.raises(InputError, match="false_negative_rate holds 2 numbers"):
        ExpectationSelection([0.1, 0.1], 0.1, PRIOR, tiny_model())
