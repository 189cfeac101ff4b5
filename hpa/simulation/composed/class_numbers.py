"""Which number of the competition's layout stands for which class of a user's cells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hpa.core.classes import LOCATIONS, NEGATIVE_CLASS
from hpa.core.errors import InputError


def _plain(name: str) -> str:
    return name.casefold().replace("_", " ").replace("-", " ").strip()


_NUMBER_OF_LOCATION = {_plain(name): place.index for place in LOCATIONS for name in (place.name, place.short_name)} | {
    str(place.index): place.index for place in LOCATIONS
}


@dataclass(frozen=True)
class ClassNumbers:
    """Numbers of classes by name.

    Attributes:
        number_of: Number of each class, in the order of the numbers.
        are_locations: Whether all of them are locations of the Human Protein Atlas, by name or number.
    """

    number_of: dict[str, int]
    are_locations: bool

    @classmethod
    def of(cls, names: Iterable[str]) -> ClassNumbers:
        """Number classes: locations of the Atlas as the competition does, others from 0 in the order of their names.

        A class called Negative is 18 in both cases.

        Raises:
            InputError: If there are more classes than the layout has numbers, or two names of one location.
        """
        distinct = sorted(set(names))
        found = {name: _NUMBER_OF_LOCATION.get(_plain(name)) for name in distinct}
        known = {name: number for name, number in found.items() if number is not None}
        if len(known) == len(distinct):
            _require_distinct(known)
            return cls(dict(sorted(known.items(), key=lambda item: item[1])), are_locations=True)
        if len(distinct) > len(LOCATIONS):
            raise InputError(
                f"the layout of the competition has {len(LOCATIONS)} classes, the cells have {len(distinct)}; "
                "merge classes, leave some out, or write a reader of your own (hpa new data NAME)."
            )
        negative = [name for name in distinct if found[name] == NEGATIVE_CLASS]
        others = [name for name in distinct if name not in negative]
        numbers = {name: number for number, name in enumerate(others)} | dict.fromkeys(negative, NEGATIVE_CLASS)
        return cls(numbers, are_locations=False)

    @property
    def names(self) -> dict[int, str]:
        """Return the name of each number."""
        return {number: name for name, number in self.number_of.items()}


def _require_distinct(known: dict[str, int]) -> None:
    names: dict[int, str] = {}
    for name, number in known.items():
        if number in names:
            raise InputError(f"'{names[number]}' and '{name}' are the same location, class {number}; use one name.")
        names[number] = name
