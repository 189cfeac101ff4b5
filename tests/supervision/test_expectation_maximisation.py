from __future__ import annotations

from dataclasses import replace

import torch

from hpa.supervision.expectation_maximisation import ExpectationMaximisationSupervision
from hpa.supervision.label_rates import RatePrior
from hpa.supervision.propagation import PropagationSupervision
from tests.supervision.shipped import shipped
from tests.supervision.toy_cells import cell_average_precision, numbered, plain_loss, tiny_model, toy_batch, train


def strategy(model, cells, label_weight=0.0, warm_up=0.5, shows_a_class=True) -> ExpectationMaximisationSupervision:
    prior = RatePrior(0.02, 20.0)
    return ExpectationMaximisationSupervision(
        plain_loss(), "estimated", "estimated", prior, label_weight, warm_up, model, cells, shows_a_class
    )


def test_cells_are_learned_from_labels_of_images():
    model = tiny_model()
    batches, cells = numbered([toy_batch(seed) for seed in range(30)])
    losses = train(shipped("supervision=expectation_maximisation", model, cells), model, batches)
    assert losses[-1] < 0.6 * losses[0]
    assert cell_average_precision(model) > 0.9


def test_it_starts_as_propagation_and_label_weight_leaves_some_of_it():
    (batch,), cells = numbered([toy_batch(0)])
    model = tiny_model().eval()
    plain = PropagationSupervision(plain_loss(), 0.0).step(model, batch, 0.0).terms["cells"]
    assert torch.allclose(strategy(model, cells).step(model, batch, 0.0).terms["cells"], plain)
    assert torch.allclose(strategy(model, cells, label_weight=1.0).step(model, batch, 1.0).terms["cells"], plain)
    assert not torch.allclose(strategy(model, cells).step(model, batch, 1.0).terms["cells"], plain)


class TargetsKept(torch.nn.Module):
    """A loss that keeps what logits are compared with."""

    def forward(self, logits, targets):
        self.targets = targets
        return logits.sum()


def test_every_cell_of_a_labelled_image_is_given_a_class_and_others_none():
    (batch,), cells = numbered([toy_batch(0)])
    targets = batch.image_targets.clone()
    targets[0] = 0.0
    batch = replace(batch, image_targets=targets)
    found = {}
    for shows_a_class in (True, False):
        torch.manual_seed(0)
        supervision = strategy(tiny_model(), cells, warm_up=0.0, shows_a_class=shows_a_class)
        supervision.loss = kept = TargetsKept()
        supervision.step(tiny_model().eval(), batch, 1.0)
        found[shows_a_class] = kept.targets
    labelled = batch.image_of_cell != 0
    assert (found[True][labelled].sum(dim=1) >= 1 - 1e-5).all()
    assert (found[False][labelled].sum(dim=1) < 1).any()
    assert (found[True][labelled] >= found[False][labelled] - 1e-6).all()
    assert torch.equal(found[True][~labelled], found[False][~labelled])


def part_of(batch, rows):
    names = ("crops", "image_of_cell", "cell_id", "cell_targets")
    return replace(batch, **{name: getattr(batch, name)[rows] for name in names})


def test_an_image_is_judged_by_all_its_cells_whichever_a_batch_holds():
    (batch,), cells = numbered([toy_batch(0)])
    model = tiny_model().train()
    mixed = torch.randperm(len(batch), generator=torch.Generator().manual_seed(0))
    whole, in_parts = strategy(model, cells, warm_up=0.0), strategy(model, cells, warm_up=0.0)
    logits = torch.randn(len(batch), 4)
    whole.memory.remember(batch, logits)
    for rows in mixed.split(7):
        in_parts.memory.remember(part_of(batch, rows), logits[rows])
    expected = whole._of_remembered(batch)
    found = torch.cat([in_parts._of_remembered(part_of(batch, rows)) for rows in mixed.split(7)])
    assert torch.allclose(found, expected[mixed], atol=1e-6)


def test_posteriors_do_not_confirm_themselves():
    (batch,), cells = numbered([toy_batch(0)])
    remembered = []
    for _ in range(2):
        model = tiny_model().train()
        with torch.no_grad():  # of networks that differ in what they predict of cells, whatever they were trained on
            model.head.classifier.bias.add_(3.0 * len(remembered))
        supervision = strategy(model, cells, warm_up=0.0)
        supervision.step(model, batch, 1.0)
        remembered.append(supervision._of_remembered(batch))
    assert torch.equal(*remembered)


def test_validation_leaves_no_trace():
    (batch,), cells = numbered([toy_batch(0)])
    supervision = strategy(tiny_model(), cells)
    before = {name: value.clone() for name, value in supervision.state_dict().items()}
    supervision.step(tiny_model().eval(), batch, 0.5)
    after = supervision.state_dict()
    assert all(torch.equal(after[name].nan_to_num(-1), value.nan_to_num(-1)) for name, value in before.items())
    supervision.step(tiny_model().train(), batch, 0.5)
    assert supervision.memory.seen.all()


def test_a_resumed_training_has_the_same_state():
    batches, cells = numbered([toy_batch(seed) for seed in range(6)])
    model, supervision = tiny_model().train(), None
    supervision = strategy(model, cells)
    for batch in batches[:3]:
        supervision.step(model, batch, 0.5)
    resumed = strategy(model, cells)
    resumed.load_state_dict(supervision.state_dict())
    for one in (supervision, resumed):
        torch.manual_seed(0)
        one.last = [one.step(model, batch, 0.8).terms["cells"].item() for batch in batches[3:]]
    assert resumed.last == supervision.last
