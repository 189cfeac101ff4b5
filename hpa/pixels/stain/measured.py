"""Looks of stains that are measured on pictures instead of written down: the references of a `StainTransfer`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

from hpa.core.errors import InputError
from hpa.pixels.stain.look import StainLook
from hpa.pixels.stain.pictures import Picture
from hpa.pixels.stain.separation import StainSeparation


class MeasuredLooks(Sequence[StainLook]):
    """The looks of reference pictures; pictures that do not show two stains are left out.

    Args:
        separation: How stains are found.
        pictures: The references.

    Raises:
        InputError: If no picture shows two stains.
    """

    def __init__(self, separation: StainSeparation, pictures: Sequence[Picture]) -> None:
        looks = [separation.look(picture) for picture in pictures]
        self._looks = [look for look in looks if look is not None]
        if not self._looks:
            raise InputError(
                f"a reference picture that shows two stains was expected, none of {len(looks)} does; choose pictures "
                "with tissue, as large as a field of view."
            )

    def __len__(self) -> int:
        """Count the looks."""
        return len(self._looks)

    @overload
    def __getitem__(self, index: int) -> StainLook: ...

    @overload
    def __getitem__(self, index: slice) -> list[StainLook]: ...

    def __getitem__(self, index: int | slice) -> StainLook | list[StainLook]:
        """Return a look, in the order of the pictures."""
        return self._looks[index]
