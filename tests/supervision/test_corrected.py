"""Corrected cells train on their classes whatever the labels of their images are, under every strategy."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from hpa.core.errors import InputError
from hpa.supervision.corrected import CorrectedSupervision
from tests.supervision.shipped import shipped
from tests.supervision.test_every_strategy import NAMES
from tests.supervision.toy_cells import numbered, plain_loss, tiny_model, toy_batch


def corrected(batch, cells, targets):
    known = torch.full((len(batch), batch.image_targets.shape[1]), torch.nan)
    known[cells] = targets
    return replace(batch, corrected_targets=known)


def watched(model):
    """Return the outputs that the network will have, with the slope of the loss at its logits."""
    seen = []

    def watch(module, arguments, output):
        output.logits.retain_grad()
        seen.append(output)

    model.register_forward_hook(watch)
    return seen


@pytest.mark.parametrize("name", NAMES)
def test_a_corrected_cell_learns_its_classes_against_the_labels_of_its_image(name):
    model = tiny_model().train()
    (batch,), cells = numbered([toy_batch(0)])
    supervision = CorrectedSupervision(shipped(f"supervision={name}", model, cells), plain_loss(), weight=1.0)
    batch = replace(batch, cell_targets=batch.image_targets[batch.image_of_cell])
    opposite = 1 - batch.image_targets[batch.image_of_cell[:2]]
    seen = watched(model)
    result = supervision.step(model, corrected(batch, [0, 1], opposite), 0.5)
    torch.stack(list(result.terms.values())).sum().backward()
    slope = seen[0].logits.grad[:2]
    assert (slope[opposite == 1] < 0).all()
    assert (slope[opposite == 0] > 0).all()
    assert seen[0].logits.grad[2:].abs().sum() > 0
    torch.testing.assert_close(result.output.logits, seen[0].logits)


@pytest.mark.parametrize("name", NAMES)
def test_without_corrections_a_strategy_is_what_it_was(name):
    terms = []
    for wrapped in (False, True):
        model = tiny_model().eval()
        (batch,), cells = numbered([toy_batch(0)])
        supervision = shipped(f"supervision={name}", model, cells)
        if wrapped:
            supervision = CorrectedSupervision(supervision, plain_loss(), weight=1.0)
        torch.manual_seed(1)
        terms.append(supervision.step(model, batch, 0.5).terms)
    assert terms[0].keys() == terms[1].keys()
    for key, value in terms[0].items():
        torch.testing.assert_close(value, terms[1][key])


def test_a_bag_is_explained_by_its_corrected_cells():
    """The label of an image whose corrected cell shows it says nothing of the other cells."""
    slopes = []
    for explained in (False, True):
        model = tiny_model().train()
        supervision = shipped("supervision=multiple_instance supervision/pooling=noisy_or", model)
        batch = toy_batch(0, images=1, cells=4)
        seen = watched(model)
        known = batch.image_targets if explained else torch.full_like(batch.image_targets, torch.nan)
        result = CorrectedSupervision(supervision, plain_loss(), 1.0).step(model, corrected(batch, [0], known), 0.5)
        torch.stack(list(result.terms.values())).sum().backward()
        slopes.append(seen[0].logits.grad[1:][:, batch.image_targets[0] == 1].abs().sum())
    assert slopes[1] < 0.1 * slopes[0]


def test_a_weight_of_nothing_is_refused():
    with pytest.raises(InputError, match="above 0"):
        CorrectedSupervision(shipped("supervision=propagation", tiny_model()), plain_loss(), 0.0)
