"""`hpa export`: a trained network for other programs."""

from __future__ import annotations

import argparse
from pathlib import Path

from hpa.core.errors import InputError
from hpa.core.outputs import guarded_outputs

HELP = "write the network of a run for other programs (ONNX)"
_SUFFIX = ".onnx"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("run_path", metavar="RUN", help="a run folder (its best checkpoint) or a .ckpt")
    parser.add_argument(
        "--onnx", metavar="OUT.onnx", type=Path, required=True, help="crops in [0, 1] to logits and features"
    )
    parser.add_argument("--overwrite", action="store_true", help="write over a file that this command did not make")


def run(arguments: argparse.Namespace) -> int:
    """Write the file, print its content, and return 0.

    Raises:
        InputError: If the run's network is none of crops, or the file would give other numbers.
    """
    # here: torch is not needed for --help
    from hpa.cells.crops import CropSpec
    from hpa.inference.onnx_file import OnnxNetwork, write_onnx
    from hpa.inference.saved_network import network_of
    from hpa.models.crop import CropModel
    from hpa.models.saved_run import read_saved_run

    out: Path = arguments.onnx
    if out.suffix != _SUFFIX:
        raise InputError(f"the output must end in {_SUFFIX}, came '{out}'; write '{out.with_suffix(_SUFFIX)}'.")
    saved = read_saved_run(arguments.run_path)
    model = network_of(saved)
    if not isinstance(model, CropModel):
        raise InputError(f"{saved.path}: only networks of crops (model/view=crop) can be exported, not this one.")
    cut = saved.settings("crop", "side_px", "masked", "margin")
    crop = CropSpec(saved.channels, side_px=cut["side_px"], masked=cut["masked"], margin=cut["margin"])
    origin = {"backbone": model.backbone.name, "checkpoint": saved.path.name, "epochs": str(saved.epoch)}
    with guarded_outputs([out], "export", inputs=[saved.path], overwrite=arguments.overwrite):
        difference = write_onnx(out, OnnxNetwork(model, saved.class_names, crop, origin))
    print(
        f"{out}: crops (cell, {len(crop.channels)}, {crop.side_px}, {crop.side_px}) -> logits (cell, "
        f"{model.class_count}), features (cell, {model.feature_count}); differs from the network by {difference:.1g}"
    )
    return 0
