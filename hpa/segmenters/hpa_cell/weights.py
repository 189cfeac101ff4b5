"""The published weights as .safetensors with the names of the publication, checked before they are used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from hpa.core.errors import InputError
from hpa.segmenters.hpa_cell.network import HpaCellNetwork, empty_network, published_name, published_shapes

PUBLICATION = "Zenodo record 4665863 (doi:10.5281/zenodo.4665863)"
_LISTED = 3


def load_network(path: Path) -> HpaCellNetwork:
    """Return the network with the weights of a converted file, in evaluation mode, on the CPU.

    Raises:
        InputError: If the file cannot be read or does not hold exactly this network.
    """
    network = empty_network()
    try:
        state = load_file(path)
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error
    check_published(str(path), {name: tuple(value.shape) for name, value in state.items()})
    check_types(str(path), {name: value.dtype for name, value in state.items()})
    own: dict[str, Tensor] = {name: state[published_name(name)] for name in network.state_dict()}
    network.load_state_dict(own, assign=True)
    return network


def check_file(path: Path, argument: str, published: str) -> Path:
    """Return the path if it is a converted file of this network, checked by its header alone.

    Args:
        path: As the user gave it.
        argument: Its key in the config, for messages.
        published: Name of the published file that belongs there, for messages.

    Raises:
        InputError: If there is none, with how to get it, and the alternative without weights.
    """
    remedy = (
        f"Fetch the published file with 'hpa weights fetch {published}' and leave {argument} out, or convert your copy "
        f"of {PUBLICATION} with 'hpa convert-weights FILE.pth FILE.safetensors' and give {argument}=FILE.safetensors; "
        "or use segmenter=watershed, which needs no weights."
    )
    if not path.is_file():
        raise InputError(
            f"{argument}: the weights of the network are needed, the file '{path}' does not exist. {remedy}"
        )
    if path.suffix != ".safetensors":
        raise InputError(f"{argument}: '{path}' is no .safetensors file; nothing else is read here. {remedy}")
    try:
        with safe_open(path, framework="pt") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118  # no mapping
    except (SafetensorError, OSError) as error:
        raise _unreadable(path, error) from error
    check_published(str(path), shapes)
    return path


def check_published(where: str, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Compare names and shapes with those of the published network.

    Raises:
        InputError: With the first names that are missing, unknown or of another shape.
    """
    expected = published_shapes(empty_network())
    wrong = {
        "missing": [name for name in expected if name not in shapes],
        "unknown": [name for name in shapes if name not in expected],
        "of another shape": [
            f"{name} {shapes[name]} instead of {shape}"
            for name, shape in expected.items()
            if shapes.get(name, shape) != shape
        ],
    }
    differences = [f"{what}: {_listed(names)}" for what, names in wrong.items() if names]
    if differences:
        raise InputError(
            f"{where} does not fit the network of HPA-Cell-Segmentation ({len(expected)} tensors): "
            f"{'; '.join(differences)}. Use the files of {PUBLICATION}."
        )


def check_types(where: str, dtypes: Mapping[str, torch.dtype]) -> None:
    """Compare number types with those of the published network: counters int64, all else float32.

    Raises:
        InputError: With the first names of another type.
    """
    wrong = [f"{name} {dtype}" for name, dtype in dtypes.items() if dtype != _dtype_of(name)]
    if wrong:
        raise InputError(
            f"{where}: float32 weights and int64 counters were expected, came {_listed(wrong)}. "
            f"Use the files of {PUBLICATION} as they are."
        )


def _dtype_of(name: str) -> torch.dtype:
    return torch.int64 if name.endswith(".num_batches_tracked") else torch.float32


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: cannot be read as .safetensors ({error}); convert the published file again.")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more
