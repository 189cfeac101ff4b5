"""Mask strings, sound or damaged on every level of their format, against the slow reference and pycocotools."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path
from random import Random

import numpy as np
from pycocotools import mask as coco_mask

from benchmarks.attack import reference_decoder as reference
from benchmarks.attack.figures import Figures, Outcome, WrongSuccessError
from benchmarks.attack.isolation import run_isolated
from hpa.core.encoding import MaskReader, decode_mask
from hpa.core.errors import InputError

TRIES = 1_000_000
_EDGES = (31, 32, 53, 63, 64)
_LEVELS = (0, 1, 6, 9)
_MAX_PAINTED_PX = 4096
_NOISE = "=+/-_ \n\t\0.%äAa0"


def run(seed: int, seconds: float) -> Figures:
    """Try masks."""
    return run_isolated(__name__, seed, seconds, tries=TRIES, memory_mb=1024, hang_seconds=60)


def attempt(random: Random, folder: Path) -> Outcome:
    """Decode one string with both decoders."""
    del folder
    height, width = _size(random)
    text = _text(random, height * width)
    try:
        expected = reference.decode(text, height, width)
    except reference.RefusedError:
        expected = None
    try:
        runs = MaskReader(height, width).runs([text])
    except InputError:
        if expected is not None:
            raise WrongSuccessError(f"a sound mask of {height} x {width} px was refused: {text!r}") from None
        return Outcome.REFUSED
    if expected is None:
        raise WrongSuccessError(f"no mask of {height} x {width} px can be {text[:300]!r}, it was accepted")
    if list(zip(runs.starts.tolist(), runs.stops.tolist(), strict=True)) != expected:
        raise WrongSuccessError(f"another mask of {height} x {width} px than the reference's: {text!r}")
    if height * width <= _MAX_PAINTED_PX:
        counts = zlib.decompressobj().decompress(base64.b64decode(text))
        painted = coco_mask.decode({"size": [height, width], "counts": counts})
        if not np.array_equal(decode_mask(text, height, width), painted):
            raise WrongSuccessError(f"another mask of {height} x {width} px than pycocotools': {text!r}")
    return Outcome.ACCEPTED


def _size(random: Random) -> tuple[int, int]:
    if random.random() < 0.9:
        return random.randint(1, 40), random.randint(1, 40)
    return random.choice([(2048, 2048), (1, 1), (1728, 2304), (1, 65_537), (23_170, 23_170), (3000, 1)])


def _text(random: Random, size: int) -> str:
    counts = sound_counts(random, size)
    kind = random.random()
    if kind < 0.45:
        counts = _damaged_counts(random, counts, size)
    content = reference.write_counts(counts) if random.random() < 0.9 else _padded(random, counts)
    if 0.35 < kind < 0.6:
        content = _damaged_bytes(random, content)
    packed = _packed(random, content) if kind > 0.8 else zlib.compress(content, random.choice(_LEVELS))
    text = base64.b64encode(packed).decode()
    return _damaged_text(random, text) if 0.6 < kind < 0.8 else text


def sound_counts(random: Random, size: int) -> list[int]:
    """Return counts of background and cell in turn that sum to `size`."""
    runs = random.choice([0, 1, 1, 2, 3, 5, 8, 20, 60])
    edges = sorted(random.sample(range(size + 1), min(2 * runs, size + 1) // 2 * 2))
    counts = [stop - start for start, stop in zip([0, *edges], [*edges, size], strict=True)]
    return counts[:-1] if counts[-1] == 0 and len(counts) > 1 else counts


def _damaged_counts(random: Random, counts: list[int], size: int) -> list[int]:
    counts = list(counts)
    place = random.randrange(len(counts))
    match random.randrange(9):
        case 0:  # one count near an edge of a type
            counts[place] = _near_edge(random)
        case 1:  # two that cancel each other
            gone = _near_edge(random)
            counts[place : place + 1] = [counts[place] + gone, 0, -gone]
        case 2:  # all together the right sum modulo a power of two
            edge = random.choice(_EDGES)
            parts = random.choice([1, 2, 4, 16])
            counts += [0, *[(1 << edge) // parts] * parts] if random.random() < 0.5 else [(1 << edge) // parts] * parts
        case 3:
            counts[place] += random.choice([-1, 1, size, -size])
        case 4:
            del counts[place]
        case 5:
            counts.insert(place, random.choice([0, 0, 1, size]))
        case 6:  # runs of no pixel
            counts[place:place] = [0] * random.choice([2, 4, 100, 2 * min(size, 5000) + 20])
        case 7:
            random.shuffle(counts)
        case _:
            counts = [_near_edge(random) for _ in range(random.randint(1, 6))]
    return counts or [0]


def _near_edge(random: Random) -> int:
    sign = random.choice([1, 1, -1])
    return sign * ((1 << random.choice(_EDGES)) + random.randint(-3, 3))


def _padded(random: Random, counts: list[int]) -> bytes:
    """Write counts with groups that no number needs."""
    values = [count - counts[place - 2] if place > 2 else count for place, count in enumerate(counts)]
    return b"".join(reference.write_value(value, random.choice([0, 0, 1, 3, 7, 11, 12, 20])) for value in values)


def _damaged_bytes(random: Random, content: bytes) -> bytes:
    damaged = bytearray(content)
    for _ in range(random.choice([1, 1, 2, 5])):
        place = random.randrange(len(damaged) + 1)
        match random.randrange(4):
            case 0:
                damaged[place:place] = random.choice([b"\0", b"\xff", b"/", b"p", b"o", b"0", b"P" * 13])
            case 1:
                del damaged[place : place + random.choice([1, 1, 3, 20])]
            case 2:
                damaged[place : place + 1] = bytes([random.randrange(256)])
            case _:
                damaged[place : place + 1] = bytes([48 + random.randrange(64)])
    return bytes(damaged)


def _packed(random: Random, content: bytes) -> bytes:
    """Return zlib data with something about it that is seldom so, sound or not."""
    packed = zlib.compress(content, random.choice(_LEVELS))
    match random.randrange(10):
        case 0:
            return packed[: random.randrange(len(packed))]
        case 1:
            return packed + bytes(random.choice([1, 4, 100]))
        case 2:
            return packed + zlib.compress(content)
        case 3:
            return packed[:-1] + bytes([packed[-1] ^ 1])
        case 4:
            return zlib.compress(content, wbits=random.choice([-15, 31, 9]))
        case 5:
            compressor = zlib.compressobj(zdict=content[:100] or b"0")
            return compressor.compress(content) + compressor.flush()
        case 6:
            compressor = zlib.compressobj()
            return compressor.compress(content) + compressor.flush(zlib.Z_SYNC_FLUSH)
        case 7:
            return zlib.compress(zlib.compress(content))
        case 8 if random.random() < 0.02:  # kilobytes that inflate a thousandfold
            return zlib.compress(random.choice([b"0", b"1", b"P", b"\0"]) * random.choice([1 << 20, 1 << 22]))
        case _:
            place = random.randrange(len(packed))
            return packed[:place] + bytes([random.randrange(256)]) + packed[place + 1 :]


def _damaged_text(random: Random, text: str) -> str:
    place = random.randrange(len(text) + 1)
    match random.randrange(7):
        case 0:
            return text[:place] + random.choice(_NOISE) + text[place:]
        case 1:
            return text[:place] + text[place + random.choice([1, 2, 4]) :]
        case 2:
            return text[:place] + random.choice(_NOISE) + text[place + 1 :]
        case 3:
            return text.rstrip("=") + "=" * random.randrange(4)
        case 4:
            return f"b'{text}'" if random.random() < 0.5 else text.replace("+", "-").replace("/", "_")
        case 5:
            return text + text
        case _:
            return "".join(random.choice(_NOISE + "ABCxyz019+/") for _ in range(random.choice([0, 1, 4, 40])))
