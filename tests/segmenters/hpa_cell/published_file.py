"""Imitations of the published files: the same layers by the same names, in a class nobody can import.

Weights that are not given are zeros behind a single number, so that such a file is small before it is converted.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from hpa.segmenters.hpa_cell.network import empty_network, published_name


def published_module(kind: type[nn.Module], values: Mapping[str, Tensor]) -> nn.Module:
    root = kind()
    for own, layer in empty_network().named_modules():
        if isinstance(layer, nn.Conv2d):
            fresh: nn.Module = nn.Conv2d(
                layer.in_channels,
                layer.out_channels,
                layer.kernel_size,
                layer.stride,
                layer.padding,
                groups=layer.groups,
                bias=layer.bias is not None,
                device="meta",
            )
        elif isinstance(layer, nn.BatchNorm2d):
            fresh = nn.BatchNorm2d(layer.num_features, eps=0.001, device="meta")
        else:
            continue
        name = published_name(own)
        for key, tensor in fresh.state_dict().items():
            value = values.get(f"{name}.{key}")
            blank = torch.zeros((), dtype=tensor.dtype).expand(tensor.shape) if value is None else value
            group = fresh._parameters if key in fresh._parameters else fresh._buffers
            group[key] = nn.Parameter(blank) if group is fresh._parameters else blank
        _put(root, name, fresh)
    for name in [*(f"decoder_stages.{step}.layer.0" for step in range(4)), "last_upsample.layer.0"]:
        _put(root, name, nn.Upsample(scale_factor=2, mode="nearest"))
    return root


def bright_places() -> dict[str, Tensor]:
    """Weights with which the network calls body what is bright in its first plane, and nothing a border."""
    shapes = ((64, 3, 7, 7), (64, 128, 3, 3), (64, 64, 3, 3), (3, 64, 3, 3))
    stem, join, last, final = (torch.zeros(shape) for shape in shapes)
    stem[0, 0, 3, 3] = join[0, 64, 1, 1] = last[0, 0, 1, 1] = 1
    final[2, 0, 1, 1] = 8
    return {
        "encoder_stages.0.0.weight": stem,
        "encoder_stages.0.1.weight": torch.ones(64),
        "encoder_stages.0.1.running_var": torch.ones(64),
        "bottlenecks.3.seq.0.weight": join,
        "last_upsample.layer.1.weight": last,
        "final.0.weight": final,
        "final.0.bias": torch.tensor([0.0, -10.0, -8.0]),
    }


def _put(root: nn.Module, name: str, layer: nn.Module) -> None:
    *path, last = name.split(".")
    for part in path:
        if part not in root._modules:
            root.add_module(part, nn.Sequential())
        root = root.get_submodule(part)
    root.add_module(last, layer)
