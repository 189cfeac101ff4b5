"""Which sampler, weight or adjustment helps a class that few images have?

A fixed set of images of the toy world, one in twenty of them with the rare class; the same network, steps and cells a
batch for all, shipped numbers. `python -m tests.supervision.imbalance` prints the table of `docs/strategies.md`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from hydra import compose, initialize_config_dir

from hpa.cells.sampling.sampler import CellSampler
from hpa.config import build, plain
from hpa.interfaces import CellBatch
from hpa.metrics.localisation import average_precision_per_class
from hpa.supervision.propagation import PropagationSupervision
from tests.supervision.shipped import CONF
from tests.supervision.toy_cells import CELLS_PER_IMAGE, CLASSES, tiny_model, toy_batch, train

IMAGES, RARE, BATCH_CELLS, LIGHT = 200, 0, 36, 0.3
CHOICES = (
    "sampling=uniform loss=binary_cross_entropy",
    "sampling=class_balanced loss=binary_cross_entropy",
    "sampling=class_balanced sampling.power=1.0 loss=binary_cross_entropy",
    "sampling=uniform loss=class_balanced",
    "sampling=uniform loss=logit_adjusted",
    "sampling=uniform loss=focal",
)


def rare_world(seed: int) -> CellBatch:
    """Draw images of which nineteen in twenty of those that would have the rare class have another."""
    world = toy_batch(1000 + seed, images=IMAGES, light=LIGHT)
    kept = world.image_targets[:, RARE] == 0
    kept |= torch.rand(IMAGES, generator=torch.Generator().manual_seed(seed)) < 0.1
    return picked(world, kept[world.image_of_cell].nonzero()[:, 0])


def picked(world: CellBatch, cells: torch.Tensor) -> CellBatch:
    """Return some cells as a batch."""
    images, image_of_cell = world.image_of_cell[cells].unique(return_inverse=True)
    return replace(
        world,
        crops=world.crops[cells],
        image_of_cell=image_of_cell,
        cell_id=cells,
        cells_in_image=torch.full((len(images),), CELLS_PER_IMAGE),
        image_targets=world.image_targets[images],
        cell_targets=world.cell_targets[cells],
    )


def scores(choices: str, steps: int, seed: int) -> tuple[float, float]:
    """Train on the imbalanced images; return average precision of unseen cells of the rare class, and of all."""
    world = rare_world(seed)
    counts = world.image_targets.sum(dim=0).int().tolist()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", overrides=choices.split())
    for key, value in (("counts", counts), ("total", len(world.image_targets))):
        if key in config.loss:
            config.loss[key] = value
    images = world.image_of_cell.numpy()
    sampling = build(plain(config.sampling))
    weights = sampling.weights(world.image_targets.numpy(), np.bincount(images), "cell")[images]
    batches: list[CellBatch] = []
    while len(batches) < steps:
        sampler = CellSampler(np.arange(len(images)), images, unit="cell", batch_cells=BATCH_CELLS, cells_per_image=16,
                              seed=seed, shuffle=True, epoch=len(batches), weights=weights)  # fmt: skip
        batches += [picked(world, torch.from_numpy(request.rows)) for request in sampler]
    model = tiny_model()
    train(PropagationSupervision(build(plain(config.loss)), 0.0), model, batches[:steps])
    unseen = toy_batch(999_999, images=80, light=LIGHT)
    with torch.inference_mode():
        probabilities = model.eval()(unseen).logits.sigmoid().numpy()
    precision = average_precision_per_class(probabilities, unseen.cell_targets.numpy())
    assert len(precision) == CLASSES
    return float(precision[RARE]), float(np.mean(precision))


def print_table(steps: int, seeds: int) -> None:
    """Print mean and range over seeds, a row a choice."""
    print(f"| {steps} steps | rare class | all classes |\n|---|---|---|")
    for choices in CHOICES:
        rows = np.array([scores(choices, steps, seed) for seed in range(seeds)])
        cells = [f"{column.mean():.2f} ({column.min():.2f} – {column.max():.2f})" for column in rows.T]
        print(f"| `{choices}` | {cells[0]} | {cells[1]} |", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    print_table(90, seeds=3)
