from __future__ import annotations

from itertools import pairwise, permutations

import pytest
import torch
from hypothesis import given
from sklearn.metrics import jaccard_score

from hpa.losses.symmetric_lovasz import SymmetricLovaszLoss
from tests.losses.loss_rows import logits_and_targets


def jaccard_loss(members: list[bool], wrong: set[int]) -> float:
    """Write out one minus intersection over union when these elements are in error."""
    truth = {k for k, member in enumerate(members) if member}
    given = truth ^ wrong
    return 1 - len(truth & given) / len(truth | given) if truth | given else 0.0


def extension(errors: list[float], members: list[bool]) -> float:
    """Write out the Lovász extension by its definition as the largest of all greedy sums (it is submodular)."""
    best = 0.0
    for order in permutations(range(len(errors))):
        losses = [jaccard_loss(members, set(order[:k])) for k in range(len(order) + 1)]
        shares = [after - before for before, after in pairwise(losses)]
        best = max(best, sum(max(errors[k], 0) * share for k, share in zip(order, shares, strict=True)))
    return best


@given(logits_and_targets(soft=False))
def test_equals_the_extension_written_out(drawn):
    logits, targets = drawn
    total = 0.0
    for column, truth in zip(logits.T.tolist(), targets.T.tolist(), strict=True):
        for sign, members in ((1, [y == 1 for y in truth]), (-1, [y == 0 for y in truth])):
            errors = [1 - sign * x * (1 if member else -1) for x, member in zip(column, members, strict=True)]
            total += extension(errors, members) / 2
    assert float(SymmetricLovaszLoss()(logits, targets)) == pytest.approx(total / logits.shape[1], rel=1e-6, abs=1e-9)


def test_at_logits_of_one_it_is_the_jaccard_loss():
    generator = torch.Generator().manual_seed(0)
    targets = torch.rand(20, 1, generator=generator).round()
    given = torch.rand(20, 1, generator=generator).round()
    # A right element has no hinge at a logit of 1, a wrong one a hinge of 2.
    loss = SymmetricLovaszLoss()(2 * given - 1, targets)
    overlaps = [jaccard_score(targets[:, 0], given[:, 0], pos_label=k) for k in (1, 0)]
    assert float(loss) == pytest.approx(2 * (1 - sum(overlaps) / 2), rel=1e-6)


@given(logits_and_targets(soft=False))
def test_yes_and_no_are_alike(drawn):
    logits, targets = drawn
    loss = SymmetricLovaszLoss()
    assert torch.allclose(loss(logits, targets), loss(-logits, 1 - targets))


@given(logits_and_targets())
def test_it_is_never_negative(drawn):
    assert SymmetricLovaszLoss()(*drawn) >= 0
