"""`hpa export-cellpose`: export a Cellpose network that was trained here for the package and its GUI."""

from __future__ import annotations

import argparse
import io
from pathlib import Path

from hpa.core.errors import InputError
from hpa.core.outputs import guarded_outputs
from hpa.core.whole_file import whole_file

HELP = "write the weights of a run of model=cellpose as a file that the cellpose package and its GUI open"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("trained", metavar="RUN", help="run folder of model=cellpose (its best epoch), or a checkpoint")
    parser.add_argument("out", metavar="OUT", type=Path, help="file to write, e.g. ~/.cellpose/models/my_cells")
    parser.add_argument("--overwrite", action="store_true", help="write over a file that this command did not make")


def run(arguments: argparse.Namespace) -> int:
    """Write the weights and return 0; the package itself is not needed for it.

    Raises:
        InputError: If the run is of another model; nothing is written then.
    """
    # here: torch is not needed for --help
    import torch

    from hpa.models.cellpose_network import published_state
    from hpa.models.saved_run import read_saved_run

    saved = read_saved_run(arguments.trained)
    state = published_state(saved.weights, "network.")
    if not state:
        model = str(saved.settings("model", "_target_")["_target_"]).rpartition(".")[2]
        raise InputError(f"{saved.path}: a run of model=cellpose is expected, this one trained {model}.")
    content = io.BytesIO()
    torch.save(state, content)
    out = arguments.out.expanduser()
    with (
        guarded_outputs([out], "export-cellpose", inputs=[saved.path], overwrite=arguments.overwrite),
        whole_file(out, bytes_needed=content.tell()) as file,
    ):
        file.write(content.getbuffer())
    print(f"{out}: {len(state)} tensors of {saved.path}; read by the package as pretrained_model='{out}'")
    return 0
