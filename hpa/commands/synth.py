"""`hpa synth`: write a synthetic data set in the layout of a competition."""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from shlex import quote

from hpa.core.override_text import override_text
from hpa.core.project_folder import with_commands

HELP = "render a synthetic data set with ground truth"
_LAYOUTS = "hpa: fields of cells; hubmap: tissue of five organs; hek_n2a: two cell types, pure and mixed"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("folder", metavar="OUT", type=Path, help="new or empty folder")
    parser.add_argument("--layout", choices=sorted(_WRITTEN), default="hpa", help=_LAYOUTS)
    parser.add_argument("--images", metavar="N", type=int, required=True, help="images, training and test together")
    parser.add_argument(
        "--size",
        metavar="S",
        type=parse_size,
        required=True,
        help="px: 512, or HEIGHTxWIDTH; for hubmap the side of training images",
    )
    parser.add_argument(
        "--seed", metavar="K", type=int, required=True, help="another seed gives other images; 0 or more"
    )
    parser.add_argument(
        "--world",
        metavar="NAME",
        action=_World,
        default="standard",
        help="what fields of --layout hpa are drawn from (standard); `--world list` describes all",
    )
    parser.add_argument("--test-images", metavar="N", type=int, help="how many of them are test (a quarter)")
    parser.add_argument("--workers", metavar="N", type=int, default=available_cores(), help="processes (all cores)")


def run(arguments: argparse.Namespace) -> int:
    """Write the data set, print what it holds, and return 0."""
    print(f"drawing {arguments.images} images into {arguments.folder}", file=sys.stderr, flush=True)
    from hpa.api.synthetic import synth  # here: OpenCV is not needed for --help

    synth(
        arguments.folder,
        arguments.layout,
        images=arguments.images,
        size_px=arguments.size,
        seed=arguments.seed,
        test_images=arguments.test_images,
        world=arguments.world,
        workers=arguments.workers,
    )
    print(f"{arguments.folder}: {arguments.images} {_WRITTEN[arguments.layout]}")
    root = quote(override_text("data.root", arguments.folder))
    print(with_commands(f"train on them by: python train.py {_RECIPES[arguments.layout]} {root} run_dir=RUN"))
    return 0


_WRITTEN = {
    "hek_n2a": "fields of HEK and N2a; the test fields are mixed, the designed shares are in world.json",
    "hpa": "fields; the noise of their labels is in world.json, by class in label_rates.csv",
    "hubmap": "sections of five organs; the ground truth of the test set is in truth_test.csv",
}
"""What each layout is, after the number of images."""
_RECIPES = {
    "hek_n2a": "experiments=hek_n2a/crops",
    "hpa": "data=kaggle_hpa",
    "hubmap": "experiments=hubmap/unet_resnet34 size=small",
}
"""What trains on it."""


class _World(argparse.Action):
    """Takes the name of a world, or prints all of them and ends the command."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[str] | None,
        option_string: str | None = None,  # noqa: ARG002  # as argparse calls it
    ) -> None:
        """Set the name."""
        from hpa.simulation.worlds import WORLDS  # as above

        if values == "list":
            print("\n".join(f"{world.name:<12} {world.difference}" for world in WORLDS.values()))
            parser.exit()
        if values not in WORLDS:
            parser.error(f"argument --world: there is no world '{values}'; choose one of {', '.join(WORLDS)}")
        setattr(namespace, self.dest, values)


def parse_size(text: str) -> tuple[int, int]:
    """Return height and width.

    >>> parse_size("512"), parse_size("512x640")
    ((512, 512), (512, 640))
    """
    match = re.fullmatch(r"(\d+)(?:x(\d+))?", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no size; write 512, or 512x640 for height and width")
    height = int(match[1])
    return height, int(match[2] or height)


def available_cores() -> int:
    """Count the cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
