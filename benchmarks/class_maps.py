"""Where a network looked, against where the protein is: does the map of a class lie in the right compartment?

`python -m benchmarks.class_maps RUN [data.root=DIR]` takes held-out cells of a run on the synthetic competition that
show a class, the most confident ones, and prints how much of the support (`hpa.models.class_maps`) lies in the nucleus,
beside how much of the cell the nucleus takes: of classes of the nucleus the support must be more, of others less.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, Int64

from hpa.core.errors import InputError
from hpa.reports.facts import RunFacts
from hpa.results.run_facts import run_facts

CELLS = 24
CLASSES = ("Nucleoplasm", "Nuclear membrane", "Nucleoli", "Nuclear speckles")
OTHERS = ("Cytosol", "Mitochondria", "Plasma membrane", "Actin filaments")
_OF_THE_BRIGHTEST = 0.35
"""A pixel this bright in blue, compared with the brightest of its crop, is of the nucleus."""
_BACKGROUND = 0.02


def shares(facts: RunFacts, rows: Int64[np.ndarray, " row"], index: int) -> tuple[float, float]:
    """Return which share of the support of a class, and of the cell, lies in the nucleus; medians of some cells."""
    if facts.maps_of is None:
        raise InputError("this network has no maps of cells.")
    crops = facts.crops_of(rows)
    support = np.maximum(facts.maps_of(rows, np.full(len(rows), index, np.int64)), 0)
    cells = crops.max(axis=1) > _BACKGROUND
    nuclei = cells & _nuclei(crops[:, facts.channels.index("blue")])
    of_support = (support * nuclei).sum(axis=(1, 2)) / np.maximum((support * cells).sum(axis=(1, 2)), 1e-9)
    of_cell = nuclei.sum(axis=(1, 2)) / np.maximum(cells.sum(axis=(1, 2)), 1)
    return float(np.median(of_support)), float(np.median(of_cell))


def _nuclei(blue: Float32[np.ndarray, "cell side side"]) -> Bool[np.ndarray, "cell side side"]:
    return blue > _OF_THE_BRIGHTEST * np.percentile(blue, 99, axis=(1, 2))[:, None, None]


def main(argv: Sequence[str] | None = None) -> None:
    """Print a line for each class."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("overrides", nargs="*")
    arguments = parser.parse_args(argv)
    facts = run_facts(arguments.run, arguments.overrides)
    for name in (*CLASSES, *OTHERS):
        index = facts.class_names.index(name)
        rows = np.flatnonzero(np.nan_to_num(facts.truth[:, index]) > 0.5).astype(np.int64)
        rows = rows[np.argsort(-facts.probabilities[rows, index], kind="stable")][:CELLS]
        if len(rows):
            of_support, of_cell = shares(facts, rows, index)
            print(f"{name:18s} {len(rows):3d} cells  support {of_support:.2f}  area {of_cell:.2f}")


if __name__ == "__main__":
    main()
