"""Pretrained weights from a local file, for any number of channels; no code of a file is ever run.

The rule for a first convolution of another number of channels: with more channels, those of the file keep their filters
in their order, and each further one takes their mean (after red, green, blue that of red and green, which yellow light
is made of); with fewer, each takes the mean. All are multiplied by the ratio of the file's channels to the new ones, so
that the response keeps its size; that of a grey image (all channels equal) is kept exactly wherever no channel is
yellow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from hpa.core.errors import InputError
from hpa.models.efficientnet_names import with_timm_names
from hpa.models.saved_run import checkpoint_of, read_saved_run
from hpa.models.tensor_file import UnreadableError, first_line, load_plain
from hpa.published.registry import local_file

RGB = 3
WRAPPERS = ("state_dict", "model", "teacher", "student")
"""Under which names checkpoints keep weights, the better ones first: DINO saves both of its networks."""
PREFIXES = ("module.", "_orig_mod.", "backbone.")
RUN_PREFIXES = ("backbone.network.", "maps.network.")
"""Prefixes of a backbone's names in runs of crops and of whole images."""
LISTED = 3
_CLASSIFIERS = ("fc.", "classifier.", "head.", "last_linear.")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a .safetensors file or of a saved state dict, or the backbone of a run, on the CPU.

    Args:
        path: The file, the folder of a run, or `hub:NAME` of published weights that were fetched.

    Raises:
        InputError: If there is no such file, or it is no state dict (a pickled module would run code: refused).
    """
    path = local_file(path, "model.weights")
    if path.is_dir():
        return _backbone_of_run(checkpoint_of(path))
    if not path.is_file():
        raise InputError(
            f"model.weights: no file '{path}'; give a .safetensors or .pth file, a run folder, hub:NAME of published "
            "weights ('hpa weights list'), or null to start anew."
        )
    try:
        content = load_file(path) if path.suffix == ".safetensors" else load_plain(path)
    except (SafetensorError, UnreadableError, OSError) as error:
        raise InputError(
            f"model.weights: '{path}' cannot be read as plain tensors; a .safetensors file or a state dict saved "
            f"with torch.save is needed, whole pickled modules are refused. ({first_line(error)})"
        ) from error
    if isinstance(content, Mapping) and "hpa" in content:
        return _backbone_of_run(path)
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not all(isinstance(value, Tensor) for value in content.values()):
        raise InputError(f"model.weights: '{path}' holds no state dict (names with tensors); save model.state_dict().")
    return {_bare(str(name)): value for name, value in content.items()}


def _backbone_of_run(checkpoint: Path) -> dict[str, Tensor]:
    """Return the backbone's part of the weights that a run predicts with."""
    weights = read_saved_run(checkpoint).weights
    for prefix in RUN_PREFIXES:
        found = {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}
        if found:
            return found
    raise InputError(
        f"model.weights: '{checkpoint}' is of a run without a backbone of cells; give a run of "
        "task=cells whose network was trained, or a file."
    )


def load_weights(network: nn.Module, state: Mapping[str, Tensor], name: str, where: str) -> None:
    """Fill a timm network without its classifier from weights of the same architecture.

    Args:
        network: Built by timm with any number of channels and no classes.
        state: Weights by name, timm's or EfficientNet-PyTorch's; those of a classifier are left out.
        name: Architecture, for messages.
        where: What the weights were read from, for messages.

    Raises:
        InputError: If names or shapes differ; the first of each kind are named.
    """
    stems, classifiers = (_names(network, key) for key in ("first_conv", "classifier"))
    expected = network.state_dict()
    named = with_timm_names(state, expected)
    fitting = {key: value for key, value in named.items() if not key.startswith(tuple(f"{c}." for c in classifiers))}
    for key in (f"{stem}.weight" for stem in stems):
        if key in fitting and key in expected and fitting[key].ndim == expected[key].ndim == 4:
            fitting[key] = adapt_first_convolution(fitting[key], expected[key].shape[1])
    problems = differences(expected, fitting)
    if problems:
        raise InputError(
            f"{where} does not fit backbone '{name}': {'; '.join(problems)}. "
            "Choose the architecture these weights were made with (model.backbone), or other weights."
        )
    network.load_state_dict(fitting)


def load_encoder_weights(encoder: nn.Module, state: Mapping[str, Tensor], where: str) -> None:
    """Fill the encoder of a dense network from weights of the same architecture; those of a classifier are left out.

    Args:
        encoder: Encoder of segmentation_models_pytorch, any number of channels; its own names or those of timm.
        state: Weights by name.
        where: What they were read from, for messages.

    Raises:
        InputError: If names or shapes differ; the first of each kind are named.
    """
    expected = encoder.state_dict()
    prefix = "model." if all(key.startswith("model.") for key in expected) else ""
    fitting = {prefix + key: value for key, value in state.items() if not key.startswith(_CLASSIFIERS)}
    first = next(key for key, value in expected.items() if value.ndim == 4)
    if first in fitting and fitting[first].ndim == 4:
        fitting[first] = adapt_first_convolution(fitting[first], expected[first].shape[1])
    problems = differences(expected, fitting)
    if problems:
        raise InputError(f"{where} does not fit the encoder: {'; '.join(problems)}. Choose model.encoder to match.")
    encoder.load_state_dict(fitting)


def description_of(network: nn.Module) -> Mapping[str, Any]:
    """Return timm's description of a network it built: input size, names of the first and the last layer."""
    return cast("Any", network).pretrained_cfg


def adapt_first_convolution(
    filters: Float[Tensor, "out channel height width"], channel_count: int
) -> Float[Tensor, "out new_channel height width"]:
    """Return filters for any number of channels made from those for others, by the rule of this module."""
    own = filters.shape[1]
    if own == channel_count:
        return filters
    if channel_count < own:
        adapted = filters.mean(1, keepdim=True).repeat(1, channel_count, 1, 1)
    else:
        further = filters[:, : 2 if own == RGB else own].mean(1, keepdim=True)
        adapted = torch.cat([filters, further.repeat(1, channel_count - own, 1, 1)], dim=1)
    return adapted * (own / channel_count)


def _bare(name: str) -> str:
    """Return a layer's name without what parallel and compiled training put before it."""
    for prefix in PREFIXES:
        name = name.removeprefix(prefix)
    return name


def _names(network: nn.Module, key: str) -> tuple[str, ...]:
    """Return the layers that timm lists under a key of its description of a network."""
    names: str | Sequence[str] = description_of(network).get(key) or ()
    return (names,) if isinstance(names, str) else tuple(names)


def differences(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> list[str]:
    """Describe how two sets of weights differ; an empty list where they fit."""
    groups = {
        "missing": [key for key in expected if key not in found],
        "unknown": [key for key in found if key not in expected],
        "of another shape": [
            f"{key} {tuple(found[key].shape)} instead of {tuple(value.shape)}"
            for key, value in expected.items()
            if key in found and found[key].shape != value.shape
        ],
    }
    return [f"{what}: {_listed(names)}" for what, names in groups.items() if names]


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more
