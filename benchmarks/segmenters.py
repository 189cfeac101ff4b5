"""Every segmenter on the same held-out images: average precision, seconds an image, memory.

    python -m benchmarks.segmenters DIR --held-out RUN segmenter=watershed_nuclei "segmenter=unet segmenter.weights=RUN"

DIR is a folder as data=instance_folder reads it; the images are those that RUN held out (RUN/held_out.csv). Each
segmenter runs in a process of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from hpa.config import build
from hpa.metrics.segmentation import ImageCounts, count_image, score_images
from hpa.sources.instance_folder import InstanceFolder
from hpa.suggestions import compose_slot

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Measured:
    """One segmenter: counts by kind of image, seconds an image (wall), memory of its process at the end, MB."""

    counts: dict[str, list[ImageCounts]]
    seconds: float
    memory_mb: float


def measured(words: list[str], root: Path, image_ids: list[str], pixel_um: float) -> Measured:
    """Segment the images with the segmenter that the words of a command line name."""
    source = InstanceFolder(root, ("grey",), None, {}, "nucleus")
    kinds = _kinds(source)
    segmenter = build(compose_slot(ROOT, "infer", "segmenter", words) or {})
    counts: dict[str, list[ImageCounts]] = {}
    segmenter.segment([replace(source.read(image_ids[0], "train"), pixel_um=pixel_um)])  # compiles what is compiled
    seconds = 0.0
    for image_id in image_ids:
        field = replace(source.read(image_id, "train"), pixel_um=pixel_um)
        start = time.perf_counter()
        (found,) = segmenter.segment([field])
        seconds += time.perf_counter() - start
        counts.setdefault(kinds[image_id], []).append(count_image(found.cells, source.instances(image_id).label_map))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Measured(counts, seconds / len(image_ids), memory)


def _kinds(source: InstanceFolder) -> dict[str, str]:
    frame = source.table("train").frame
    kinds = frame["kind"] if "kind" in frame else pd.Series("all", index=frame.index)
    return dict(zip(frame["image_id"], kinds, strict=True))


def main() -> None:
    """Measure and print a Markdown table, a row as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("segmenters", nargs="+", help="words of infer.py, one string a segmenter")
    parser.add_argument("--held-out", type=Path, required=True, metavar="RUN")
    parser.add_argument("--pixel-um", type=float, default=1.0, help="of every image (the data set does not list it)")
    arguments = parser.parse_args()
    image_ids = list(pd.read_csv(arguments.held_out / "held_out.csv", dtype={"image_id": str})["image_id"])
    print("| segmenter | kind | images | AP .50 | AP .75 | AP .50:.95 | PQ .50 | s/image | MB |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for words in arguments.segmenters:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            one = pool.apply(measured, (words.split(), arguments.folder, image_ids, arguments.pixel_um))
        for kind, counts in sorted(one.counts.items()):
            precision = score_images(counts).mean("ap")
            quality = score_images(counts).mean("pq")[0]
            cells = [precision[0], precision[5], sum(precision) / len(precision), quality]
            scores = " | ".join(f"{value:.3f}" for value in cells)
            costs = f"{one.seconds:.3f} | {one.memory_mb:.0f}"
            print(f"| `{words}` | {kind} | {len(counts)} | {scores} | {costs} |", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("HPA_ROOT", str(ROOT))
    main()
