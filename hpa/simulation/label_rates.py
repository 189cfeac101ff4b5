"""How often each class is missed or invented by image labels, counted against the ground truth of the cells.

label_rates.csv has a row a class, with counts and rates at two levels. In images a class is shown where any cell shows
it, missed where it is not labelled, invented where it is labelled and no cell shows it. In cells the labels of the
image are copied to each. Rates are empty where nothing was counted; estimated ones can be compared with them.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from hpa.simulation.competition_folder import WrittenField

FILE_NAME = "label_rates.csv"


@dataclass(frozen=True)
class LabelRates:
    """Counts of one class, of images or of cells.

    Attributes:
        showing: Those that show it.
        missed: Of these, those without its label.
        without: Those that do not show it.
        invented: Of these, those with its label.
    """

    showing: int
    missed: int
    without: int
    invented: int

    @property
    def false_negative_rate(self) -> float | None:
        """Return the share of those showing it that are not labelled."""
        return self.missed / self.showing if self.showing else None

    @property
    def false_positive_rate(self) -> float | None:
        """Return the share of those not showing it that are labelled."""
        return self.invented / self.without if self.without else None


def label_rates(pairs: Iterable[tuple[Iterable[int], Iterable[int]]], number: int) -> LabelRates:
    """Count the errors of one class in pairs of (labels, classes that are shown)."""
    seen = [(number in labels, number in shown) for labels, shown in pairs]
    return LabelRates(
        showing=sum(shown for _, shown in seen),
        missed=seen.count((False, True)),
        without=sum(not shown for _, shown in seen),
        invented=seen.count((True, False)),
    )


def write_label_rates(path: Path, written: Sequence[WrittenField], class_names: Mapping[int, str]) -> None:
    """Write label_rates.csv of the labelled fields."""
    images = [(field.image_classes, field.shown) for field in written]
    cells = [(field.image_classes, shown) for field in written for shown in field.cell_classes]
    columns = [*(field.name for field in fields(LabelRates)), "false_negative_rate", "false_positive_rate"]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["class", "name", *(f"{unit}_{name}" for unit in ("images", "cells") for name in columns)])
        for number, name in sorted(class_names.items()):
            both = [_row(label_rates(pairs, number)) for pairs in (images, cells)]
            writer.writerow([number, name, *both[0], *both[1]])


def _row(counted: LabelRates) -> list[int | str]:
    rates = (counted.false_negative_rate, counted.false_positive_rate)
    return [*astuple(counted), *("" if rate is None else f"{rate:.6f}" for rate in rates)]
