"""COCO files with any value in any place, and damaged bytes: read, painted, and held against the file itself."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from benchmarks.attack import reference_decoder as reference
from benchmarks.attack.figures import Figures, Outcome, WrongSuccessError
from benchmarks.attack.isolation import run_isolated
from benchmarks.attack.masks import sound_counts
from hpa.core.coco import paint
from hpa.formats.coco_file import CocoImage, category_names, read_coco

TRIES = 20_000
_MAX_PIXELS = 20_000_000
_NESTED = "[" * 100_000
_TEXTS = ("", " ", "cell", "a/b.png", "../../x", "\0", "\ud800", "x" * 5000, "1", "é", "nan", "=cmd()", ".", "a\nb")
_NUMBERS = (0, -1, 1, 2, 1.5, 1e8, 1e9, 1e308, -1e9, float("nan"), float("inf"), 2**31, 2**63, 2**64, 10**400, 40_000)
_OTHERS: tuple[Any, ...] = (None, True, False, [], {}, [[]], [1], {"id": 1}, [[[[1]]]], [None] * 9)


def run(seed: int, seconds: float) -> Figures:
    """Try files."""
    return run_isolated(__name__, seed, seconds, tries=TRIES, memory_mb=1024, hang_seconds=60)


def attempt(random: Random, folder: Path) -> Outcome:
    """Read and paint one file."""
    os.environ["HPA_MAX_PIXELS"] = str(_MAX_PIXELS)
    path = folder / "instances.json"
    content = _sound(random)
    kind = random.random()
    damaged = content if kind < 0.1 else _damaged(random, content) if kind < 0.85 else content
    text = json.dumps(damaged).encode()
    path.write_bytes(_damaged_bytes(random, text) if kind >= 0.85 else text)
    images = read_coco(path)
    names = category_names(path)
    if len({image.name for image in images}) != len(images) or len(set(names)) != len(names):
        raise WrongSuccessError(f"two images or categories share a name: {path.read_bytes()[:300]!r}")
    for image in images:
        _require_sound(image, names)
        painted = paint(image.texts, image.height, image.width)
        if painted.label_map.shape != (image.height, image.width) or painted.label_map.max(initial=0) > len(
            image.texts
        ):
            raise WrongSuccessError("a label map of another size, or with numbers of no instance")
    if kind < 0.1 and [image.texts for image in images] != [_texts(content, image) for image in images]:
        raise WrongSuccessError(f"other masks than the file holds: {text[:300]!r}")
    return Outcome.ACCEPTED


def _require_sound(image: CocoImage, names: list[str]) -> None:
    if not (isinstance(image.name, str) and image.name.strip("./\\") and "\0" not in image.name):
        raise WrongSuccessError(f"an image named {image.name!r}")
    if not set(image.class_names) <= set(names):
        raise WrongSuccessError(f"classes {set(image.class_names) - set(names)} of no category")
    for score in image.scores:
        if not (score is None or np.isfinite(score)):
            raise WrongSuccessError(f"the score {score}")
    for text in image.texts:
        try:
            reference.runs_of(reference.counts_of(text), image.height * image.width)
        except reference.RefusedError:
            paint([text], image.height, image.width)  # raises InputError, or is a wrong success
            raise WrongSuccessError(f"no mask of {image.height} x {image.width} px: {text[:100]!r}") from None


def _sound(random: Random) -> dict[str, Any]:
    images: list[dict[str, Any]] = [
        {"id": number, "file_name": f"{number}.png", "height": random.randint(1, 30), "width": random.randint(1, 30)}
        for number in range(1, random.randint(2, 4))
    ]
    annotations = []
    for number in range(1, random.randint(2, 6)):
        image = random.choice(images)
        annotation = {"id": number, "image_id": image["id"], "category_id": random.randint(1, 2), "iscrowd": 0}
        annotation["segmentation"] = _segmentation(random, image["height"], image["width"])
        annotations.append(annotation | ({"score": random.random()} if random.random() < 0.5 else {}))
    categories = [{"id": 1, "name": "HEK"}, {"id": 2, "name": "N2a"}]
    return {"images": images, "annotations": annotations, "categories": categories}


def _segmentation(random: Random, height: int, width: int) -> Any:
    if random.random() < 0.3:
        return [[random.uniform(0, side) for _ in range(random.randint(3, 9)) for side in (width, height)]]
    counts = sound_counts(random, height * width)
    written: Any = counts if random.random() < 0.3 else reference.write_counts(counts).decode()
    return {"size": [height, width], "counts": written}


def _texts(content: dict[str, Any], image: CocoImage) -> tuple[bytes, ...]:
    """Return the texts that a sound file holds of an image; those of polygons and lists as they were read."""
    number = next(entry["id"] for entry in content["images"] if entry["file_name"] == f"{image.name}.png")
    segmentations = [entry["segmentation"] for entry in content["annotations"] if entry["image_id"] == number]
    texts = []
    for segmentation, read in zip(segmentations, image.texts, strict=True):
        if isinstance(segmentation, dict):
            counts = segmentation["counts"]
            texts.append(counts.encode() if isinstance(counts, str) else _canonical(counts, read))
        else:
            texts.append(read)
    return tuple(texts)


def _canonical(counts: list[int], read: bytes) -> bytes:
    """Return the text that was read where it stands for the same runs, else none."""
    same = reference.runs_of(counts, sum(counts)) == reference.runs_of(reference.counts_of(read), sum(counts))
    return read if same else b""


def _damaged(random: Random, content: dict[str, Any]) -> Any:
    damaged: Any = copy.deepcopy(content)
    for _ in range(random.choice([1, 1, 1, 2, 4])):
        places = list(places_of(damaged))
        if not places:
            break
        parent, key = random.choice(places)
        match random.randrange(8):
            case 0:
                del parent[key]
            case 1:
                parent[key] = random.choice(_TEXTS)
            case 2 | 3:
                parent[key] = random.choice(_NUMBERS)
            case 4:
                parent[key] = copy.deepcopy(random.choice(_OTHERS))
            case 5:
                parent[key] = [parent[key]] * random.choice([2, 50])
            case 6:
                parent[key] = copy.deepcopy(random.choice(places)[0])
            case _:
                _damage_segmentation(random, damaged)
    return damaged


def _damage_segmentation(random: Random, content: Any) -> None:
    annotations = content.get("annotations") if isinstance(content, dict) else None
    if isinstance(annotations, list) and annotations and isinstance(annotations[0], dict):
        zigzag = [float(value) for _ in range(random.choice([3, 3000])) for value in (0, 0, 29, 29)]
        bomb = {"size": [30, 30], "counts": random.choice(["0" * 10**6, "P" * 100, [0] * 10**5 + [900]])}
        far = [0.0, 0.0, random.choice([1e4, 1e7, 1e8, 1e9, 1e18]), 1.0, 1.0, random.choice([1.0, 1e9])]
        annotations[0]["segmentation"] = random.choice([[zigzag], bomb, [far], [[1.0] * 10**5]])


def places_of(node: Any) -> list[tuple[Any, Any]]:
    """Return every place of a value in a tree, as its parent and key."""
    places: list[tuple[Any, Any]] = []
    stack = [node]
    while stack:
        parent = stack.pop()
        keys = parent.keys() if isinstance(parent, dict) else range(len(parent)) if isinstance(parent, list) else ()
        for key in keys:
            places.append((parent, key))
            stack.append(parent[key])
    return places


def _damaged_bytes(random: Random, text: bytes) -> bytes:
    place = random.randrange(len(text))
    match random.randrange(7):
        case 0:
            return text[:place]
        case 1:
            return text[:place] + bytes([random.randrange(256)]) + text[place + 1 :]
        case 2:
            return text[:place] + random.choice([_NESTED.encode(), b'{"a":' * 100_000, b"1" * 10_000]) + text[place:]
        case 3:
            return text.decode().encode(random.choice(["utf-16", "utf-32", "utf-8-sig"]))
        case 4:
            return text + text
        case 5:
            return random.randbytes(random.choice([0, 1, 100]))
        case _:
            return text.replace(b"1", random.choice([b"-1", b"1e999", b"NaN", b"1.0", b"true", b"null"]))
