"""Class activation maps for strategies that compare them: asked of a network once, taken from its output."""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor

from hpa.core.errors import InputError
from hpa.interfaces import CellModel, CellOutput, GivesMaps


def ask_for_maps(model: CellModel) -> None:
    """Let a network give maps from now on.

    Raises:
        InputError: If it makes none.
    """
    if not isinstance(model, GivesMaps):
        raise InputError("this supervision= compares class maps of crops; write model.view=crop.")
    model.gives_maps = True


def maps_of(output: CellOutput) -> Float[Tensor, "cell class h w"]:
    """Return the maps of an output.

    Raises:
        InputError: If the network was not asked for them.
    """
    if output.maps is None:
        raise InputError("this supervision= needs a network that gives class maps, attached before training.")
    return output.maps
