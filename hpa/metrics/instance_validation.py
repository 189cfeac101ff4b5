"""Scores instances in validation: average precision, panoptic quality, F1 and counts against the ground truth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from hpa.interfaces import Instances, PixelBatch
from hpa.metrics.segmentation import ImageCounts, count_image, score_images
from hpa.metrics.tissue import dice_of_masks


class InstanceMetric:
    """What is reported of the held-out images (`metric=instances`); every image weighs the same.

    Attributes:
        monitor: The score that chooses the best epoch: ap50, map (mean over IoU .50 to .95), pq50, f1_50, or for
            tissue dice: of all instances together against the background, image by image.
    """

    def __init__(self, monitor: str) -> None:
        self.monitor = monitor

    def scores(self, images: list[ImageCounts]) -> dict[str, float]:
        """Score images, those without any instance left out."""
        score = score_images(images)
        precision = score.mean("ap")
        return {
            "ap50": precision[0],
            "map": float(np.mean(precision)),
            "pq50": score.mean("pq")[0],
            "f1_50": score.mean("f1")[0],
            "count_error": score.count_error,
            "pooled_ap50": score.pooled[0].average_precision,
        }


class InstanceValidation:
    """Collects the predictions for the validation images, one whole image per batch.

    Attributes:
        metric: Computed from everything collected.
        read: Converts a model's output into instances.
    """

    def __init__(self, metric: InstanceMetric, read: Callable[[Any], list[Instances]]) -> None:
        self.metric = metric
        self.read = read
        self.reset()

    @property
    def monitor(self) -> str:
        """The score that chooses the best epoch."""
        return self.metric.monitor

    def reset(self) -> None:
        """Forget everything collected."""
        self.counts: dict[int, ImageCounts] = {}
        self.dice: dict[int, float] = {}
        self.predicted: dict[int, Instances] = {}

    def update(self, batch: PixelBatch, output: Any) -> None:
        """Collect one batch with the model's output."""
        truths = batch.label_maps.cpu().numpy()
        for row, truth, predicted in zip(batch.image_row.tolist(), truths, self.read(output), strict=True):
            self.counts[row] = count_image(predicted.label_map, truth)
            self.dice[row] = dice_of_masks(np.asarray(predicted.label_map) > 0, truth > 0)
            self.predicted[row] = predicted

    @property
    def collected(self) -> dict[int, tuple[ImageCounts, float]]:
        """Counts and Dice of each image, by its row."""
        return {row: (counts, self.dice[row]) for row, counts in self.counts.items()}

    def merge(self, of_processes: Sequence[Mapping[int, tuple[ImageCounts, float]]]) -> None:
        """Take the counts of all processes, each image once, in table order; what they predicted stays with them."""
        images = {row: found for collected in of_processes for row, found in collected.items()}
        self.counts = {row: images[row][0] for row in sorted(images)}
        self.dice = {row: images[row][1] for row in sorted(images)}

    def scores(self) -> dict[str, float]:
        """Score what was collected."""
        if not self.counts:
            return {}
        return {**self.metric.scores(list(self.counts.values())), "dice": float(np.mean(list(self.dice.values())))}
