"""How well are rates of wrong labels estimated, from how many images, and with which prior?

Cells, perfectly calibrated predictions and labels are drawn by the model itself (`noisy_images`); what a network adds
to the difficulty is not in it. `python -m tests.supervision.rate_estimates` prints the tables of docs/weak_labels.md.
"""

from __future__ import annotations

import numpy as np
import torch

from hpa.supervision.image_posterior import ImagePosterior
from hpa.supervision.label_rates import RatePrior
from tests.supervision.noisy_images import NoisyImages, noisy_images

MISSING, INVENTED = (0.02, 0.1, 0.3, 0.6), (0.02,) * 4
SEEDS = 5
PRIOR = RatePrior(0.02, 200.0)
"""As shipped."""
WORLDS = {
    "cells separated well": {"separation": 4.0},
    "… and alike within an image": {"separation": 4.0, "resemblance": 0.3},
    "separated poorly": {"separation": 2.0},
    "… and alike within an image ": {"separation": 2.0, "resemblance": 0.3},
    "a fifth of the cells show the class": {"separation": 3.0, "shown_share": 0.2},
    "one image in 25 has the class": {"separation": 4.0, "frequency": 0.04},
}


def estimates(images: NoisyImages, prior: RatePrior) -> tuple[np.ndarray, np.ndarray]:
    """Return the false-negative and the false-positive rate of each class."""
    posterior = ImagePosterior("estimated", "estimated", prior, images.image_targets.shape[1])
    for _ in range(6):
        posterior.fit(images.logits, images.image_of_cell, images.image_targets)
    return posterior.false_negative_rate.numpy(), posterior.false_positive_rate.numpy()


def row(count: int, prior: RatePrior, **world: float) -> str:
    """Return the mean and range of the estimates over seeds, a column a class."""
    drawn = [noisy_images(seed, count, MISSING, INVENTED, **world) for seed in range(SEEDS)]
    found = [estimates(images, prior) for images in drawn]
    missing = np.stack([one for one, _ in found])
    invented = np.stack([one for _, one in found]).mean()
    cells = [f"{of.mean():.2f} ({of.min():.2f} – {of.max():.2f})" for of in missing.T]
    return " | ".join([*cells, f"{invented:.3f}"])


def print_tables() -> None:
    """Print what worlds, numbers of images and priors make of the estimates."""
    head = " | ".join(f"true {rate}" for rate in MISSING)
    print(f"| 1,000 images | {head} | false positives, true {INVENTED[0]} |")
    print("|---" * (len(MISSING) + 2) + "|")
    for name, world in WORLDS.items():
        print(f"| {name.strip()} | {row(1000, PRIOR, **world)} |", flush=True)
    for count in (200, 5000):
        print(f"| cells separated well, {count:,} images | {row(count, PRIOR, separation=4.0)} |")
    for share, images in ((0.1, 200.0), (0.02, 20.0)):
        name = f"cells separated well, prior.share={share} prior.images={images:g}"
        print(f"| {name} | {row(1000, RatePrior(share, images), separation=4.0)} |", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    print_tables()
