"""Whole images in batches: full ones, and as many in every epoch.

The trainer asks once how many batches an epoch has: an epoch with fewer would end without validation, and of one with
more the rest would never be seen.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int, Shaped

from hpa.core.seeding import seed_of

OPEN_BATCHES = 8
"""Batches that a bag is tried in: more hardly pack denser, and take longer."""

SPARE_SHARE = 0.02
"""Room for the epochs whose order packs less densely than that of the first."""


def packed_in_order(sizes: Sequence[int], batch_cells: int) -> list[list[int]]:
    """Return the bags of each batch, bags and batches in the order given; a batch closes before it would overflow."""
    return _packed(range(len(sizes)), sizes, batch_cells, open_batches=1)


def packed_shuffled(sizes: Sequence[int], batch_cells: int, seed: int, epoch: int) -> list[list[int]]:
    """Return the bags of each batch, each bag once, in an order drawn anew for every epoch; as many in all of them.

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


def _split_into(count: int, batches: list[list[int]]) -> list[list[int]]:
    """Halve those of most bags until there are enough."""
    heap = [(-len(batch), number, batch) for number, batch in enumerate(batches)]
    heapq.heapify(heap)
    while len(heap) < count:
        _, number, longest = heapq.heappop(heap)
        half = len(longest) // 2
        for part, place in ((longest[:half], number), (longest[half:], len(heap) + len(batches))):
            heapq.heappush(heap, (-len(part), place, part))
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


def bag_rows(rows: Shaped[np.ndarray, " row"], image_of_row: Int[np.ndarray, " row"]) -> list[Shaped[np.ndarray, " _"]]:
    """Return the rows of each image, or what there is one of for each row; images in the order of their numbers."""
    order = np.argsort(image_of_row, kind="stable")
    starts = np.flatnonzero(np.diff(image_of_row[order], prepend=-1))
    return np.split(rows[order], starts[1:])
