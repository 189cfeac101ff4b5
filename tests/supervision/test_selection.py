from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.supervision.noisy_or_posterior import NoisyOrPosterior
from hpa.supervision.selection import (
    ExpectationSelection,
    RankSelection,
    SoftSelection,
    ThresholdSelection,
)
from tests.supervision.labeled_cells import labeled_cells
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


@given(cells=labeled_cells())
def test_expectation_each_image_has_its_own_posterior(cells):
    probabilities, image_labels, image_of_cell = cells
    pseudo_labels = ExpectationSelection(0.1, 0.02, Classes(probabilities.shape[1]))(*cells)
    for image in image_of_cell.unique():
        inside = image_of_cell == image
        alone = NoisyOrPosterior(0.1, 0.02, probabilities.shape[1])(
            probabilities[inside].logit(eps=1e-6),
            torch.zeros(int(inside.sum()), dtype=torch.int64),
            image_labels[inside][:1],
        )
        assert torch.allclose(pseudo_labels[inside], alone, atol=1e-6)


def test_expectation_a_label_comes_from_the_most_probable_cell_and_a_missing_one_from_few():
    probabilities = torch.tensor([[0.2, 0.8], [0.01, 0.8], [0.01, 0.01]])
    image_labels = torch.tensor([[1.0, 0.0]] * 3)
    pseudo_labels = ExpectationSelection(0.05, 0.002, Classes(2))(probabilities, image_labels, torch.tensor([7, 7, 7]))
    assert pseudo_labels[0, 0] > 0.8
    assert pseudo_labels[1:, 0].max() < 0.1
    assert pseudo_labels[:, 1].max() < 0.6


def test_expectation_labels_that_say_nothing_leave_the_probabilities_of_the_teacher():
    probabilities = torch.tensor([[0.9], [0.3]])
    pseudo_labels = ExpectationSelection(0.999, 0.001, Classes(1))(
        probabilities, torch.zeros(2, 1), torch.tensor([0, 0])
    )
    assert torch.allclose(pseudo_labels, probabilities, atol=1e-2)


def test_expectation_cells_are_learned_from_the_posterior_of_a_moving_average():
    model = tiny_model()
    words = "supervision=pseudo_label supervision/selection=expectation supervision.label_weight=0.0"
    supervision = shipped(f"{words} supervision.unlabeled_weight=1.0 supervision.teacher.decay=0.9", model)
    losses = train(supervision, model, [toy_batch(seed) for seed in range(30)])
    assert losses[-1] < 0.6 * losses[0]
    assert cell_average_precision(model) > 0.9


def test_expectation_rates_of_other_classes_are_refused():
    with pytest.raises(InputError, match="false_negative_rate holds 2 numbers"):
        ExpectationSelection([0.1, 0.1], 0.1, tiny_model())
