"""Which strategies find the classes of cells when the labels of an image hold for few of its cells?

Images of ten cells, of which 15 % show one of the image's classes in weak light and the others nothing; the labels are
those of the image. Every strategy trains the same small network, with its shipped numbers, on the same batches.
`python -m tests.supervision.comparison` prints the table of `docs/strategies.md` (about 10 minutes on one core); with
words, the rows that hold one of them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import torch

from hpa.metrics.localisation import average_precision_per_class
from tests.supervision.shipped import shipped, shipped_augmentation
from tests.supervision.toy_cells import numbered, tiny_model, toy_batch, train

SHOWN, CELLS, LIGHT = 0.15, 10, 0.3
POOLS = ("max", "mean", "log_sum_exp", "noisy_or", "top_k", "attention", "gated_attention")
STRATEGIES = (
    "supervision=direct",
    "supervision=propagation",
    "supervision=large_loss",
    "supervision=forward_correction",
    "supervision=expectation_maximisation",
    "supervision=consistency",
    "supervision=puzzle",
    "supervision=cam_consistency",
    "supervision=co_teaching",
    "supervision=pseudo_label",
    "supervision=dual",
    "supervision=dual supervision/pooling=log_sum_exp",
    *(f"supervision=multiple_instance supervision/pooling={name}" for name in POOLS),
    "supervision=propagation batch_augment=mixup",
    "supervision=propagation batch_augment=cutmix",
    *(f"supervision=multiple_instance supervision/pooling={name} batch_augment=exchange" for name in ("mean", "max")),
)


def cell_score(choices: str, steps: int, seed: int) -> float:
    """Train a strategy on labels of images, and score the true classes of unseen cells; by chance it is about 0.04."""
    model = tiny_model()
    batches = [toy_batch(1000 * seed + step, shown=SHOWN, cells=CELLS, light=LIGHT) for step in range(steps)]
    torch.manual_seed(seed)
    augmented = list(map(shipped_augmentation(choices), batches))
    augmented, training_cells = numbered(augmented)
    train(shipped(choices, model, training_cells), model, augmented)
    unseen = toy_batch(999_999, images=80, shown=SHOWN, cells=CELLS, light=LIGHT)
    with torch.inference_mode():
        probabilities = model.eval()(unseen).logits.sigmoid().numpy()
    return float(np.mean(average_precision_per_class(probabilities, unseen.cell_targets.numpy())))


def print_table(strategies: Sequence[str], lengths: tuple[int, ...], seeds: int) -> None:
    """Print mean and range over seeds, a row a strategy and a column a length of training."""
    print("| strategy | " + " | ".join(f"{steps} steps" for steps in lengths) + " |")
    print("|---" * (len(lengths) + 1) + "|")
    for choices in strategies:
        cells = []
        for steps in lengths:
            scores = [cell_score(choices, steps, seed) for seed in range(seeds)]
            cells.append(f"{np.mean(scores):.2f} ({min(scores):.2f} – {max(scores):.2f})")
        print(f"| `{choices}` | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    wanted = [choices for choices in STRATEGIES if not sys.argv[1:] or any(word in choices for word in sys.argv[1:])]
    print_table(wanted, (60, 180), seeds=3)
