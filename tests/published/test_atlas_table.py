import time

import numpy as np
import pandas as pd
import pytest

from hpa.core.classes import LOCATION_NAMES
from hpa.core.errors import InputError
from hpa.core.folds import assign_folds
from hpa.published.atlas_table import Wanted, location_classes, select

ROWS = [
    ("http://images.proteinatlas.org/1/2_A1_1_", "Nucleoplasm", "HeLa", "G1", "False"),
    ("http://images.proteinatlas.org/1/2_A1_2_", "Lipid droplets,Nucleoplasm", "HeLa", "G1", "True"),
    ("http://images.proteinatlas.org/2/2_A2_1_", "Mitotic chromosome", "U-2 OS", "G2", "False"),
    ("http://images.proteinatlas.org/2/2_A2_2_", "", "U-2 OS", "G2", "False"),
    ("http://images.proteinatlas.org/3/2_A3_1_", "Centriolar satellite", "U-2 OS", "G3", "False"),
    ("http://images.proteinatlas.org/3/2_A3_1_", "Centriolar satellite", "U-2 OS", "G3", "False"),
]


@pytest.fixture
def path(tmp_path):
    columns = ["Image", "Label", "Cellline", "Gene", "in_trainset"]
    pd.DataFrame(ROWS, columns=columns).to_csv(tmp_path / "t.tsv", sep="\t", index=False)
    return tmp_path / "t.tsv"


def test_rows_that_must_not_be_trained_on_are_left_out_and_counted(path):
    selection = select(path, Wanted())
    assert list(selection.frame["image_id"]) == ["1_2_A1_1", "3_2_A3_1"]
    assert list(selection.frame["classes"]) == ["0", "12"]
    assert list(selection.frame["antibody"]) == ["1", "3"]
    assert selection.left_out == {
        "images of the competition": 1,
        "images without a location": 1,
        "images with a location that has no class": 1,
        "rows of an image that stands there already": 1,
    }


def test_every_class_has_a_location_of_its_own_name():
    assert {LOCATION_NAMES[number] for number in location_classes().values()} == set(LOCATION_NAMES)
    assert all(location_classes()[name] == number for number, name in enumerate(LOCATION_NAMES))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(genes=["G3"]), ["3_2_A3_1"]),
        (Wanted(locations=["centrosome"]), ["3_2_A3_1"]),
        (Wanted(cell_lines=["HeLa"]), ["1_2_A1_1"]),
        (Wanted(limit=1), ["1_2_A1_1"]),
    ],
)
def test_what_is_wanted_is_chosen(path, wanted, expected):
    assert list(select(path, wanted).frame["image_id"]) == expected


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted(genes=["G9"]), "--genes G9: .* names G1, G3"),
        (Wanted(cell_lines=["A-431"]), "--cell-lines A-431"),
        (Wanted(locations=["Nucleus"]), "--locations Nucleus: known are Nucleoplasm"),
        (Wanted(genes=["G3"], cell_lines=["HeLa"]), "--cell-lines HeLa|no image is left"),
    ],
)
def test_what_is_not_there_is_refused(path, wanted, words):
    with pytest.raises(InputError, match=words):
        select(path, wanted)


@pytest.mark.parametrize("address", ["../../etc/passwd", "http://x/a b/c_", "file:///etc/passwd", "http://x/1/a;b_"])
def test_addresses_that_are_none_are_refused(tmp_path, address):
    frame = pd.DataFrame({"Image": [address], "Label": ["Cytosol"], "Cellline": ["HeLa"]})
    frame.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(InputError, match="is no web address"):
        select(tmp_path / "t.csv", Wanted())


@pytest.mark.thorough
def test_a_table_of_the_whole_atlas_and_its_folds_take_seconds(tmp_path):
    rng = np.random.default_rng(0)
    names = np.array(list(location_classes()))
    count = 82_495
    antibodies = rng.integers(0, 13_000, count)
    frame = pd.DataFrame({
        "Image": [f"http://images.proteinatlas.org/{one}/9_A1_{n}_" for n, one in enumerate(antibodies)],
        "Label": [",".join(rng.choice(names, 2)) for _ in range(count)],
        "Cellline": "HeLa",
    })  # fmt: skip
    frame.to_csv(tmp_path / "t.tsv", sep="\t", index=False)
    begun = time.process_time()
    found = select(tmp_path / "t.tsv", Wanted()).frame
    targets = np.zeros((len(found), len(LOCATION_NAMES)))
    for row, text in enumerate(found["classes"]):
        targets[row, list(map(int, text.split("|")))] = 1
    folds = assign_folds(targets, list(found["antibody"]), 5, 0)
    print(f"{len(found)} images, {time.process_time() - begun:.1f} s of the processor")
    assert pd.Series(folds).groupby(found["antibody"].to_numpy()).nunique().max() == 1
