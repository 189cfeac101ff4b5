"""The parts of the real shift, from a small folder of the same form."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmarks.tissue_shift_worlds import is_on_coloured_ground, real_world
from hpa.core.encoding import decode_column_runs
from hpa.core.errors import InputError

LILAC, WHITE, NUCLEUS = (170, 150, 210), (205, 200, 210), (80, 40, 140)
KINDS = {
    "a": ("histology_purple", LILAC),
    "b": ("histology_purple", WHITE),
    "c": ("histology_white", WHITE),
    "d": ("fluorescence", WHITE),
}


@pytest.fixture
def samples(tmp_path):
    folder = tmp_path / "samples"
    for what in ("images", "labels"):
        (folder / what).mkdir(parents=True)
    for name, (_, ground) in KINDS.items():
        label_map = np.zeros((20, 30), np.uint16)
        label_map[4:9, 5:11] = 1
        picture = np.where(label_map[..., None] > 0, np.array(NUCLEUS), np.array(ground)).astype(np.uint8)
        Image.fromarray(picture).save(folder / "images" / f"{name}.png")
        Image.fromarray(label_map).save(folder / "labels" / f"{name}.png")
    kinds = {name: kind for name, (kind, _) in KINDS.items()}
    pd.DataFrame({"id": kinds.keys(), "kind": kinds.values()}).to_csv(folder / "index.csv", index=False)
    return folder


def test_white_ground_tests_and_coloured_ground_trains(samples, tmp_path):
    world = real_world(tmp_path / "world", samples)
    parts = {part: list(pd.read_csv(tmp_path / "world" / part / "index.csv")["id"]) for part in ("train", "test")}
    assert parts == {"train": ["a"], "test": ["c"]}
    (row,) = pd.read_csv(world.truth).to_dict("records")
    assert decode_column_runs(row["rle"], 20, 30).sum() == 30
    assert (tmp_path / "world" / "train" / "test_images" / "c.png").is_file()


def test_samples_that_are_not_there_are_named(tmp_path):
    with pytest.raises(InputError, match="--samples"):
        real_world(tmp_path / "world", tmp_path)


@pytest.mark.parametrize(("ground", "is_coloured"), [(LILAC, True), (WHITE, False)])
def test_the_ground_decides_not_the_nuclei(ground, is_coloured):
    picture = np.full((10, 10, 3), ground, np.uint8)
    picture[:4] = NUCLEUS
    assert is_on_coloured_ground(picture) == is_coloured
