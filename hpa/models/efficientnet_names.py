"""Weights of the package EfficientNet-PyTorch (Melas-Kyriazi, 2019) under the names of timm.

Many published EfficientNets carry its names, which number blocks through; timm numbers them within stages, and calls
layers after their place in the block. Tensors are the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from torch import Tensor

from hpa.core.errors import InputError

_MARK = "_conv_stem.weight"
"""A name that only weights of this package have."""
_OUTSIDE = {
    "_conv_stem": "conv_stem",
    "_bn0": "bn1",
    "_conv_head": "conv_head",
    "_bn1": "bn2",
    "_fc": "classifier",
}
_EXPANDING = {
    "_expand_conv": "conv_pw",
    "_bn0": "bn1",
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn2",
    "_se_reduce": "se.conv_reduce",
    "_se_expand": "se.conv_expand",
    "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}
"""Layers of a block that widens its input first."""
_NARROW = {
    "_depthwise_conv": "conv_dw",
    "_bn1": "bn1",
    "_se_reduce": "se.conv_reduce",
    "_se_expand": "se.conv_expand",
    "_project_conv": "conv_pw",
    "_bn2": "bn2",
}
"""Layers of a block of the first stage, which does not."""


def with_timm_names(state: Mapping[str, Tensor], expected: Iterable[str]) -> dict[str, Tensor]:
    """Return weights under the names of timm; those that carry other names already are returned as they are.

    Args:
        state: Weights by name.
        expected: Names of the network that they are for.

    Raises:
        InputError: If they have more blocks than the network, or layers that no EfficientNet has.
    """
    if _MARK not in state:
        return dict(state)
    places = sorted(
        {(int(match[1]), int(match[2])) for name in expected if (match := re.match(r"blocks\.(\d+)\.(\d+)\.", name))}
    )
    wide = {name.split(".")[1] for name in state if "._expand_conv." in name}
    return {_renamed(name, places, wide): tensor for name, tensor in state.items()}


def _renamed(name: str, places: list[tuple[int, int]], wide: set[str]) -> str:
    """Return one name; `wide` holds the numbers of the blocks that widen their input."""
    first, _, rest = name.partition(".")
    try:
        if first != "_blocks":
            return f"{_OUTSIDE[first]}.{rest}"
        number, layer, kind = rest.split(".")
        stage, place = places[int(number)]
        layers = _EXPANDING if number in wide else _NARROW
        return f"blocks.{stage}.{place}.{layers[layer]}.{kind}"
    except (KeyError, IndexError, ValueError) as error:
        raise InputError(
            f"model.weights: '{name}' is no layer of this EfficientNet, which has {len(places)} blocks; choose the "
            "architecture these weights were made with (model.backbone)."
        ) from error
