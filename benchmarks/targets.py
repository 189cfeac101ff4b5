"""What each target of dense networks can at best give back, and what reading it costs.

    python -m benchmarks.targets DIR kind=fluorescence

DIR is a folder as data=instance_folder reads it; `column=value` keeps rows of its index.csv. True label maps
are encoded and decoded, as if a network had predicted the planes perfectly: no network with this target can do better.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hydra.utils import instantiate
from jaxtyping import Float32
from omegaconf import OmegaConf
from scipy.special import logit

from hpa.core.flows import NETWORK_SCALE
from hpa.interfaces import Instances, PixelTarget
from hpa.metrics.segmentation import ImageCounts, count_image, score_images
from hpa.models.target.flows import FlowTarget
from hpa.sources.instance_folder import InstanceFolder

CONFIGS = Path(__file__).resolve().parents[1] / "conf/model/target"
SURE = 0.999
"""The highest probability that a perfect network says; 1 has no logit."""


@dataclass(frozen=True)
class Bound:
    """One target: counts of the images, CPU time to encode and decode an image, ms."""

    counts: list[ImageCounts]
    encode_ms: float
    decode_ms: float


def target_of(name: str) -> PixelTarget:
    """Return a target as conf/model/target names it."""
    return instantiate(OmegaConf.load(CONFIGS / f"{name}.yaml"))


def perfect_logits(
    target: PixelTarget, planes: Float32[np.ndarray, "plane height width"]
) -> Float32[np.ndarray, "plane height width"]:
    """Return what a network says that learned the planes perfectly: logits, but flows as those of Cellpose."""
    logits = logit(np.clip(planes, 1 - SURE, SURE))
    if isinstance(target, FlowTarget):
        logits[:2] = NETWORK_SCALE * planes[:2]
    return logits.astype(np.float32)


def bound_of(target: PixelTarget, truths: list[Instances]) -> Bound:
    """Encode and decode every label map; the first once more before, so that compilation is not timed."""
    target.read(perfect_logits(target, target.planes(truths[0])))
    counts, encode_s, decode_s = [], 0.0, 0.0
    for truth in truths:
        start = time.process_time()
        planes = target.planes(truth)
        encode_s += time.process_time() - start
        logits = perfect_logits(target, planes)
        start = time.process_time()
        found = target.read(logits)
        decode_s += time.process_time() - start
        counts.append(count_image(found.label_map, truth.label_map))
    return Bound(counts, 1000 * encode_s / len(truths), 1000 * decode_s / len(truths))


def main() -> None:
    """Measure and print a Markdown table, a row as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("where", nargs="*", help="column=value of index.csv")
    arguments = parser.parse_args()
    where = {column: [value] for column, _, value in (word.partition("=") for word in arguments.where)}
    source = InstanceFolder(arguments.folder, ("grey",), None, where, "nucleus")
    truths = [source.instances(image_id) for image_id in source.table("train").image_ids]
    print("| target | images | AP .50 | AP .75 | AP .90 | encode, ms/image | decode, ms/image |")
    print("|---|---|---|---|---|---|---|", flush=True)
    for name in sorted(path.stem for path in CONFIGS.glob("*.yaml")):
        bound = bound_of(target_of(name), truths)
        score = score_images(bound.counts)
        precision = score.mean("ap")
        cells = " | ".join(f"{precision[index]:.3f}" for index in (0, 5, 8))
        print(
            f"| `{name}` | {len(score.images)} | {cells} | {bound.encode_ms:.1f} | {bound.decode_ms:.1f} |", flush=True
        )


if __name__ == "__main__":
    main()
