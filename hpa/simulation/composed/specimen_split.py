"""Which specimens test: all cells of a specimen lie in one split, and every class in both."""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int64

from hpa.core.errors import DataError, Problem
from hpa.simulation.composed.cell_library import CellCrop, CellLibrary


def split_by_specimen(library: CellLibrary, test_share: float, seed: int) -> dict[str, tuple[CellCrop, ...]]:
    """Return the crops of each split, `train` and `test`.

    The rarest class is served first: specimens are added to the test split until it holds the share of the cells of
    that class, of those left always the one that comes closest. No class is left without a training specimen.

    Args:
        library: All crops.
        test_share: Share of the cells of each class that test, above 0 and at most a half.
        seed: Decides among equals.

    Raises:
        DataError: Naming every class that cannot be in both splits.
    """
    specimens = sorted({crop.specimen for crop in library.crops})
    place = {name: number for number, name in enumerate(specimens)}
    classes = sorted(library.numbers.names)
    counts = np.zeros((len(specimens), len(classes)), np.int64)
    for crop in library.crops:
        counts[place[crop.specimen], [classes.index(kind) for kind in crop.classes]] += 1
    tests = _chosen(counts, test_share, np.random.default_rng((seed, 1)))
    problems = [
        Problem(library.numbers.names[kind], _reason(counts[:, column]))
        for column, kind in enumerate(classes)
        if not counts[tests, column].any() or not counts[~tests, column].any()
    ]
    if problems:
        raise DataError("the classes must have cells of different specimens in training and test", problems)
    return {
        "train": tuple(crop for crop in library.crops if not tests[place[crop.specimen]]),
        "test": tuple(crop for crop in library.crops if tests[place[crop.specimen]]),
    }


def _chosen(
    counts: Int64[np.ndarray, "specimen class"], share: float, rng: np.random.Generator
) -> Bool[np.ndarray, " specimen"]:
    tests = np.zeros(len(counts), bool)
    wanted = np.maximum(share * counts.sum(axis=0), 1)
    for column in np.argsort((counts > 0).sum(axis=0), kind="stable").tolist():
        while counts[tests, column].sum() < wanted[column]:
            candidates = [one for one in rng.permutation(len(counts)).tolist() if _may_test(counts, tests, one, column)]
            if not candidates:
                break
            missing = wanted[column] - counts[tests, column].sum()
            best = min(candidates, key=lambda one: abs(counts[one, column] - missing))
            if counts[tests, column].any() and abs(counts[best, column] - missing) >= missing:
                break  # it would lead further away
            tests[best] = True
    return tests


def _may_test(
    counts: Int64[np.ndarray, "specimen class"], tests: Bool[np.ndarray, " specimen"], one: int, column: int
) -> bool:
    """Return whether a specimen has the class, and every class keeps a training specimen without it."""
    rest = ~tests
    rest[one] = False
    own = counts[one] > 0
    return not tests[one] and bool(own[column]) and bool((counts[rest][:, own].sum(axis=0) > 0).all())


def _reason(cells: Int64[np.ndarray, " specimen"]) -> str:
    specimens = int(np.count_nonzero(cells))
    return (
        f"its {int(np.sum(cells))} cells come from {specimens} specimen{'s' if specimens != 1 else ''}, which "
        "cannot be divided; add cells of another specimen, or leave the class out"
    )
