"""In which order cells or bags are drawn in an epoch, and how bags are packed into batches.

A bag holds cells of one image that stay together. Every epoch has the same number of batches: the trainer reads it
once, an epoch with fewer would end without validation, and of one with more the rest would never be trained on.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64, Int, Shaped

from hpa.core.seeding import seed_of

OPEN_BATCHES = 8
"""Batches that a bag is tried in: more hardly pack denser, and take longer."""
SPARE_SHARE = 0.02
"""Room for the epochs whose order packs less densely than that of the first."""


def drawn_by_weight(weights: Float64[np.ndarray, " item"], generator: np.random.Generator) -> Int[np.ndarray, " item"]:
    """Return as many draws as there are items, shuffled: each about as often as it weighs, once if all weigh alike."""
    order = generator.permutation(len(weights))
    if not len(order) or np.ptp(weights) == 0:
        return order
    # Systematic sampling: evenly spaced points on the line of all weights, so that no item is off by a whole draw.
    ends = np.cumsum(weights[order])
    points = (np.arange(len(order)) + generator.random()) * (ends[-1] / len(order))
    return generator.permutation(order[np.searchsorted(ends[:-1], points, side="right")])


def repeats_of(drawn: Int[np.ndarray, " draw"]) -> Int[np.ndarray, " draw"]:
    """Return how often each item was drawn before.

    >>> repeats_of(np.array([7, 3, 7, 7, 3]))
    array([0, 0, 1, 2, 1])
    """
    order = np.argsort(drawn, kind="stable")
    first = np.flatnonzero(np.diff(drawn[order], prepend=-1))
    repeats = np.empty_like(drawn)
    repeats[order] = np.arange(len(drawn)) - np.repeat(first, np.diff(first, append=len(drawn)))
    return repeats


def packed_in_order(sizes: Sequence[int], batch_cells: int) -> list[list[int]]:
    """Return the bags of each batch, bags and batches in the order given; a batch closes before it would overflow."""
    return _packed(range(len(sizes)), sizes, batch_cells, open_batches=1)


def packed_shuffled(sizes: Sequence[int], batch_cells: int, seed: int, epoch: int) -> list[list[int]]:
    """Return the bags of each batch, each bag once, in an order of the epoch; as many batches in every epoch.

    No batch holds more than `batch_cells` cells, unless a bag alone does.

    Args:
        sizes: Cells of each bag, the same for every epoch.
        batch_cells: Cells a batch.
        seed: Of the run.
        epoch: Of the order.
    """
    usual = _packed_at_random(sizes, batch_cells, np.random.default_rng(seed_of(seed, "usual order")))
    count = min(len(sizes), len(usual) + 1 + int(SPARE_SHARE * len(usual)))
    generator = np.random.default_rng(seed_of(seed, "order of bags", epoch))
    batches = _packed_at_random(sizes, batch_cells, generator)
    if len(batches) > count:  # rare
        batches = usual
    batches = _split_into(count, batches)
    return [batches[index] for index in generator.permutation(count)]


def bag_rows(rows: Shaped[np.ndarray, " row"], image_of_row: Int[np.ndarray, " row"]) -> list[Shaped[np.ndarray, " _"]]:
    """Return `rows` (or anything with one entry a row) of each image, images in the order of their numbers."""
    order = np.argsort(image_of_row, kind="stable")
    starts = np.flatnonzero(np.diff(image_of_row[order], prepend=-1))
    return np.split(rows[order], starts[1:])


def _split_into(count: int, batches: list[list[int]]) -> list[list[int]]:
    """Halve the batches of most bags until there are enough."""
    heap = [(-len(batch), number, batch) for number, batch in enumerate(batches)]
    heapq.heapify(heap)
    while len(heap) < count:
        _, number, longest = heapq.heappop(heap)
        half = len(longest) // 2
        for part, position in ((longest[:half], number), (longest[half:], len(heap) + len(batches))):
            heapq.heappush(heap, (-len(part), position, part))
    return [batch for *_, batch in sorted(heap, key=lambda entry: entry[1])]


def _packed_at_random(sizes: Sequence[int], batch_cells: int, generator: np.random.Generator) -> list[list[int]]:
    return _packed(generator.permutation(len(sizes)).tolist(), sizes, batch_cells, OPEN_BATCHES)


def _packed(order: Sequence[int], sizes: Sequence[int], batch_cells: int, open_batches: int) -> list[list[int]]:
    """Put each bag into the first batch with room among the last few, or into a new one."""
    batches: list[list[int]] = []
    room: list[int] = []
    for bag in order:
        first_open = max(0, len(batches) - open_batches)
        home = next((index for index in range(first_open, len(batches)) if sizes[bag] <= room[index]), None)
        if home is None:
            home = len(batches)
            batches.append([])
            room.append(batch_cells)
        batches[home].append(bag)
        room[home] -= sizes[bag]
    return batches
