"""The layers of a published file, compared with the network that its weights are loaded into.

Weights of equal shape can belong to another network: other strides, another epsilon, another way to enlarge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from torch import nn

from hpa.core.errors import InputError
from hpa.segmenters.hpa_cell.network import empty_network, published_name
from hpa.segmenters.hpa_cell.weights import PUBLICATION

_COMPARED: tuple[tuple[type[nn.Module], tuple[str, ...]], ...] = (
    (nn.Conv2d, ("stride", "padding", "dilation", "groups")),
    (nn.BatchNorm2d, ("eps",)),
)
_UPSAMPLE = {"mode": ("nearest",), "scale_factor": (2, (2, 2))}
_ACTIVATIONS = ("ELU", "SELU", "CELU", "GELU", "SiLU", "LeakyReLU", "PReLU", "RReLU", "Tanh", "Sigmoid", "Softplus")
"""Layers that change values and are none of this network's."""


@runtime_checkable
class LayerDescription(Protocol):
    """A layer as its file describes it."""

    @property
    def kind(self) -> str:
        """Name of its class."""

    @property
    def attributes(self) -> dict[str, Any]:
        """Plain attributes by name."""


def check_layers(where: str, layers: Mapping[str, LayerDescription]) -> None:
    """Compare the layers of a file with those of the network.

    Raises:
        InputError: With the first layer that computes something else.
    """
    for problem in _problems(layers):
        raise InputError(f"{where} is not the network of HPA-Cell-Segmentation: {problem}. Use {PUBLICATION}.")


def _problems(layers: Mapping[str, LayerDescription]) -> Iterator[str]:
    for own, module in empty_network().named_modules():
        for kind, attributes in _COMPARED:
            if isinstance(module, kind):
                name, expected = (
                    published_name(own),
                    {attribute: getattr(module, attribute) for attribute in attributes},
                )
                yield from _differing(name, layers.get(name), kind.__name__, expected)
    for name, layer in layers.items():
        if layer.kind in _ACTIVATIONS:
            yield f"{name} is a {layer.kind}, every activation should be a ReLU"
        for attribute, accepted in _UPSAMPLE.items():
            if layer.kind == "Upsample" and layer.attributes.get(attribute) not in accepted:
                yield f"{name} enlarges with {attribute}={layer.attributes.get(attribute)}, not {accepted[0]}"


def _differing(name: str, layer: LayerDescription | None, kind: str, expected: dict[str, Any]) -> Iterator[str]:
    if layer is None or layer.kind != kind:
        yield f"{name} should be a {kind}, came {layer.kind if layer else 'nothing'}"
        return
    for attribute, value in expected.items():
        if layer.attributes.get(attribute) != value:
            yield f"{name} has {attribute}={layer.attributes.get(attribute)}, not {value}"
