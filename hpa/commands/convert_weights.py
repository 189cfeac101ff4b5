"""`hpa convert-weights`: a published network of HPA-Cell-Segmentation as .safetensors, without running its code."""

from __future__ import annotations

import argparse
from pathlib import Path

from hpa.core.digest import sha256_of_file
from hpa.core.errors import InputError
from hpa.core.outputs import check_outputs, guarded_outputs
from hpa.core.whole_file import whole_file

HELP = "convert a published pickled network of HPA-Cell-Segmentation to .safetensors, running none of its code"
_SUFFIX = ".safetensors"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("file", metavar="FILE", type=Path, help="e.g. dpn_unet_nuclei_v1.pth of Zenodo record 4665863")
    parser.add_argument("out", metavar="OUT.safetensors", type=Path, help="file to write")
    parser.add_argument("--overwrite", action="store_true", help="write over a file that this command did not make")


def run(arguments: argparse.Namespace) -> int:
    """Check the network, write its tensors and return 0.

    Raises:
        InputError: If the file is no network, or another one; nothing is written then.
    """
    out: Path = arguments.out
    if out.suffix != _SUFFIX:
        raise InputError(f"the output must end in {_SUFFIX}, came '{out}'; write '{out.with_suffix(_SUFFIX)}'.")
    check_outputs([out], "convert-weights", inputs=[arguments.file], overwrite=arguments.overwrite)  # before it is read
    content, words = converted(arguments.file)
    with (
        guarded_outputs([out], "convert-weights", inputs=[arguments.file], overwrite=arguments.overwrite),
        whole_file(out, bytes_needed=len(content)) as file,
    ):
        file.write(content)
    print(f"{out}: {words}")
    return 0


def converted(source: Path) -> tuple[bytes, str]:
    """Return the content of a .safetensors file with the tensors of a published network, and what it is in words.

    Raises:
        InputError: If the file is no network, or another one.
    """
    # here: torch is not needed for --help
    from safetensors.torch import save

    from hpa.models.pickled_network import PickledNetwork
    from hpa.segmenters.hpa_cell.published_layers import check_layers
    from hpa.segmenters.hpa_cell.weights import check_published, check_types

    network = PickledNetwork(source)
    check_published(str(source), network.shapes())
    check_types(str(source), network.dtypes())
    check_layers(str(source), network.layers)
    sha256 = sha256_of_file(source)
    mode = "training" if network.training else "evaluation"
    tensors = network.tensors()
    content = save(tensors, {"source": source.name, "source_sha256": sha256, "source_mode": mode})
    return content, f"{len(tensors)} tensors of {source} (SHA-256 {sha256}; saved in {mode} mode)"
