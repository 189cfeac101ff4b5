"""What is written beside the submission (`also=`), built from the config."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from hpa.config import Config, build
from hpa.core.errors import InputError
from hpa.interfaces import CellSink


def sinks_of(also: Config, class_names: Sequence[str]) -> list[CellSink]:
    """Return the writers of `also=`; classes that the config leaves out are those of the run.

    Raises:
        InputError: If a writer lacks a package, or the config names another number of classes.
    """
    return [cast("CellSink", build(_named(slot, part, class_names))) for slot, part in also.items()]


def _named(slot: str, part: Config, class_names: Sequence[str]) -> Config:
    """Return the part with the names of the classes, where it wants them."""
    if "class_names" not in part:
        return part
    names = list(part["class_names"] or class_names)
    if len(names) != len(class_names):
        raise InputError(
            f"also.{slot}.class_names has {len(names)} names, the run has {len(class_names)} classes "
            f"({', '.join(class_names)}); name each, in this order, or leave them out."
        )
    return {**part, "class_names": names}
