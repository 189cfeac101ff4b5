from __future__ import annotations

from dataclasses import replace

import torch

from hpa.cells.batch_augment.synthetic_negative import BatchSyntheticNegative
from hpa.metrics.localisation import average_precision_per_class
from hpa.supervision.propagation import PropagationSupervision
from tests.supervision.toy_cells import CLASSES, plain_loss, tiny_model, toy_batch, train

NEGATIVE = CLASSES - 1


def without_the_last_class(seed: int, images: int = 6):
    """Draw images without the cells and labels of the last class."""
    batch = toy_batch(seed, images=images)
    kept = batch.image_of_cell[batch.cell_targets[:, NEGATIVE] == 0]
    cells = (batch.cell_targets[:, NEGATIVE] == 0).nonzero()[:, 0]
    targets = batch.image_targets.clone()
    targets[:, NEGATIVE] = 0
    return replace(batch, crops=batch.crops[cells], image_of_cell=kept, cell_id=cells, image_targets=targets,
                   cell_targets=batch.cell_targets[cells])  # fmt: skip


def test_a_class_without_any_example_is_learned_from_dimmed_cells():
    dim = BatchSyntheticNegative(("red", "green", "blue", "yellow"), "green", NEGATIVE, 0.1, 0.3)
    torch.manual_seed(0)
    model = tiny_model()
    batches = [dim(without_the_last_class(seed)) for seed in range(40)]
    assert sum(batch.image_targets[:, NEGATIVE].sum() for batch in batches) > 0
    train(PropagationSupervision(plain_loss(), 0.0), model, batches)
    unseen = BatchSyntheticNegative(("red", "green", "blue", "yellow"), "green", NEGATIVE, 0.1, 0.2)(
        without_the_last_class(999, images=60)
    )
    with torch.inference_mode():
        probabilities = model.eval()(unseen).logits.sigmoid().numpy()
    assert average_precision_per_class(probabilities, unseen.cell_targets.numpy())[NEGATIVE] > 0.9
