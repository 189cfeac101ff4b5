import shutil

import pandas as pd
import pytest

from hpa.core.errors import InputError
from hpa.simulation import write_competition
from hpa.sources.kaggle_hpa import KaggleHpa

CHANNELS = ("red", "green", "blue", "yellow")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    write_competition(folder / "first", images=4, test_images=1, side_px=64, seed=1)
    write_competition(folder / "more", images=3, test_images=1, side_px=64, seed=2)
    return folder


@pytest.fixture
def sets(made, tmp_path):
    for name in ("first", "more"):
        shutil.copytree(made / name, tmp_path / name)
    rename(tmp_path / "more", "p")
    return tmp_path


def rename(folder, prefix):
    table = pd.read_csv(folder / "train.csv", dtype=str)
    for old in table["ID"]:
        for path in (folder / "train").glob(f"{old}_*"):
            path.rename(path.with_name(prefix + path.name))
    table.assign(ID=prefix + table["ID"]).to_csv(folder / "train.csv", index=False)


def source(sets, **changes):
    return KaggleHpa(sets / "first", CHANNELS, None, None, None, extra=[sets / "more"], **changes)


def test_training_images_of_a_further_set_are_added_and_read(sets):
    joined = source(sets)
    table = joined.table("train")
    alone = KaggleHpa(sets / "more", CHANNELS, None, None, None)
    added = alone.table("train").image_ids
    assert list(table.image_ids) == [
        *KaggleHpa(sets / "first", CHANNELS, None, None, None).table("train").image_ids,
        *added,
    ]
    assert (joined.read(added[0], "train").pixels == alone.read(added[0], "train").pixels).all()
    assert source(sets).identity(added[1], "train") == alone.identity(added[1], "train")  # before any table was made
    assert len(joined.table("test")) == 1


def test_fetched_images_of_an_antibody_stay_together(sets):
    table = pd.read_csv(sets / "more" / "train.csv", dtype=str)
    pd.DataFrame({"ID": table["ID"], "antibody": "77"}).to_csv(sets / "more" / "metadata.csv", index=False)
    frame = source(sets).table("train").frame
    assert list(frame["group"])[-2:] == ["antibody 77", "antibody 77"]
    assert frame["group"][0] == frame["image_id"][0]


def test_an_id_in_two_sets_is_refused(sets):
    with pytest.raises(InputError, match=r"2 images of .* have the id of an image of another set"):
        KaggleHpa(sets / "more", CHANNELS, None, None, None, extra=[sets / "more"]).table("train")


def test_a_group_that_is_no_column_is_refused(sets):
    with pytest.raises(InputError, match=r"data\.group=antibody: data\.metadata has no such column"):
        KaggleHpa(sets / "first", CHANNELS, None, None, None, group="antibody").table("train")
