"""Column runs of tissue, sound ones and damaged ones, against the slow reference."""

from __future__ import annotations

from itertools import accumulate
from pathlib import Path
from random import Random

import numpy as np

from benchmarks.attack import reference_decoder as reference
from benchmarks.attack.figures import Figures, Outcome, WrongSuccessError
from benchmarks.attack.isolation import run_isolated
from benchmarks.attack.masks import sound_counts
from hpa.core.encoding import decode_column_runs, encode_column_runs, read_column_runs
from hpa.core.errors import InputError

TRIES = 100_000
_MAX_PAINTED_PX = 4096
_ODD_WORDS = [
    "0",
    "-1",
    "+1",
    "1.0",
    "1e3",
    "nan",
    "x",
    "1_0",
    "٣",
    "²",
    "0x1",
    "00000001",
    "4294967296",
    "9223372036854775807",
    "18446744073709551616",
    "999999999999999999",
    "9999999999999999999",
]
_SPACES = (" ", "  ", "\t", "\n", "\u00a0", ",", "")


def run(seed: int, seconds: float) -> Figures:
    """Try column runs."""
    return run_isolated(__name__, seed, seconds, tries=TRIES, memory_mb=1024, hang_seconds=20)


def attempt(random: Random, folder: Path) -> Outcome:
    """Decode one text with both decoders."""
    del folder
    sizes = [(random.randint(1, 40), random.randint(1, 40)), (3000, 3000), (1, 1), (23_170, 23_170), (40_000, 40_000)]
    height, width = random.choices(sizes, [90, 5, 2, 2, 1])[0]
    text = _text(random, height * width)
    try:
        expected = reference.decode_column_runs(text, height, width)
    except reference.RefusedError:
        expected = None
    try:
        runs = read_column_runs(text, height, width)
    except InputError:
        if expected is not None and height * width < 1 << 29:
            raise WrongSuccessError(f"sound runs of {height} x {width} px were refused: {text!r}") from None
        return Outcome.REFUSED
    if expected is None or list(zip(runs.starts.tolist(), runs.stops.tolist(), strict=True)) != expected:
        raise WrongSuccessError(f"not the runs of {height} x {width} px that {text[:300]!r} holds")
    if height * width <= _MAX_PAINTED_PX:
        mask = decode_column_runs(text, height, width)
        flat = np.zeros(height * width, bool)
        for start, stop in expected:
            flat[start:stop] = True
        if not np.array_equal(mask, flat.reshape(width, height).T):
            raise WrongSuccessError(f"another mask of {height} x {width} px than the reference's: {text!r}")
        if not np.array_equal(decode_column_runs(encode_column_runs(mask), height, width), mask):
            raise WrongSuccessError(f"what is written of {text!r} is not read back")
    return Outcome.ACCEPTED


def _text(random: Random, size: int) -> str:
    counts = sound_counts(random, size)
    starts = list(accumulate(counts, initial=1))
    words = [str(number) for place in range(1, len(counts), 2) for number in (starts[place], counts[place])]
    if random.random() < 0.3:
        return " ".join(words)
    place = random.randrange(len(words) + 1)
    match random.randrange(9):
        case 0:
            words.insert(place, random.choice(_ODD_WORDS))
        case 1:
            words[place : place + 1] = [random.choice(_ODD_WORDS)]
        case 2:
            del words[place : place + random.choice([1, 2])]
        case 3:
            random.shuffle(words)
        case 4:
            words[place : place + 1] = [str(random.choice([0, 1, size, size + 1, 2**31, 2**63 - 1, 2**64 - size]))]
        case 5:
            words = words * random.choice([2, 3])
        case 6:  # longer than a piece that is read at once
            words += ["1", "1"] * random.choice([1, 20_000])
        case 7:
            return random.choice(_SPACES).join(words) + random.choice(_SPACES)
        case _:
            text = " ".join(words)
            cut = random.randrange(len(text) + 1)
            return text[:cut] + random.choice(["", "-", "\0", "9" * 30]) + text[cut:]
    return " ".join(words)
