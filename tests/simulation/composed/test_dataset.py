from collections import Counter

import cv2
import numpy as np
import pandas as pd
import pytest

from hpa.core.encoding import decode_mask
from hpa.core.errors import InputError
from hpa.core.submission import parse_truth
from hpa.segmenters.stored import Stored
from hpa.simulation.annotation import AnnotationNoise
from hpa.simulation.composed import Composition, crops_in_folder, read_library, write_composed
from hpa.sources.kaggle_hpa import KaggleHpa
from tests.simulation.composed.conftest import square_mask, stripes


def settings(**changes):
    given = {
        "height": 96,
        "width": 128,
        "cells": (4, 8),
        "max_classes": 2,
        "main_share": 0.6,
        "feather_px": 0.0,
        "channels": ("green",),
        "noise": AnnotationNoise.none(2),
        "seed": 3,
    }
    return Composition(**(given | changes))


def composed(folder, crops, images=12, **changes):
    library = read_library(crops_in_folder(crops, None))
    write_composed(folder, library, settings(**changes), images=images, test_share=0.25)
    return folder


@pytest.fixture
def made(tmp_path, cells):
    return composed(tmp_path / "out", cells())


def source_of(folder, channels=("green",)):
    truth = folder / "truth_train.csv"
    return KaggleHpa(folder, channels, pixel_um=None, cell_truth=truth, metadata=None)


def test_the_data_set_is_read_as_the_competition_is(made):
    source = source_of(made)
    table = source.table("train").require_usable()
    assert (len(table), len(source.table("test").require_usable())) == (9, 3)
    assert source.class_names[:3] == ("across", "along", "unused 2")
    segmenter = Stored(made / "label_maps" / "train")
    for image_id in table.image_ids:
        cells = segmenter.segment([source.read(image_id, "train")])[0].cells
        assert cells.max() >= 1
        assert np.isfinite(source.cell_truth.targets_for(cells, image_id)).all()


def test_each_cell_shows_its_crop_and_its_class(made):
    listed = pd.read_csv(made / "cells.csv", dtype={"classes": str})
    truth = pd.concat([pd.read_csv(made / f"truth_{split}.csv") for split in ("train", "test")]).set_index("ID")
    expected = {crop: cv2.imread(crop, cv2.IMREAD_UNCHANGED) for crop in set(listed["crop"])}
    for row in listed.itertuples():
        plane = cv2.imread(str(made / row.split / f"{row.ID}_green.png"), cv2.IMREAD_UNCHANGED)
        cells = cv2.imread(str(made / "label_maps" / row.split / f"{row.ID}.png"), cv2.IMREAD_UNCHANGED)
        mask = cells == row.cell
        assert sorted(plane[mask]) == sorted(expected[row.crop][square_mask() > 0])
        entries = parse_truth(truth.loc[row.ID, "TruthString"])
        place = [np.array_equal(decode_mask(text, 96, 128), mask) for text in entries.masks].index(True)
        assert str(entries.classes[place]) == row.classes
        assert ("across" in row.crop) == (row.classes == "0")


def test_test_cells_come_from_other_specimens(made):
    specimens = pd.read_csv(made / "cells.csv").groupby("split")["specimen"].unique()
    assert not set(specimens["train"]) & set(specimens["test"])


def test_without_noise_the_labels_are_the_classes_shown(made):
    shown = pd.read_csv(made / "cells.csv", dtype=str).groupby("ID")["classes"].agg(set)
    for row in pd.read_csv(made / "train.csv", dtype=str).itertuples():
        assert set(row.Label.split("|")) == shown[row.ID]
    rates = pd.read_csv(made / "label_rates.csv")
    assert rates["name"].tolist() == ["across", "along"]
    assert rates[["images_missed", "images_invented", "cells_missed"]].to_numpy().sum() == 0


def test_the_given_noise_is_found_in_the_labels(tmp_path, cells):
    noise = AnnotationNoise((0.5, 0.0), (0.0, 0.4))
    out = composed(tmp_path / "out", cells(), images=60, cells=(4, 4), noise=noise)
    rates = pd.read_csv(out / "label_rates.csv").set_index("name")
    labels = pd.read_csv(out / "train.csv", dtype=str)["Label"]
    assert rates["images_missed"].tolist() > [0, 0]
    assert rates.loc["along", "images_missed"] == rates.loc["across", "images_invented"] == 0
    across, along = rates.loc["across"], rates.loc["along"]
    assert labels.str.contains("0").sum() == across["images_showing"] - across["images_missed"]
    assert labels.str.contains("1").sum() == along["images_showing"] + along["images_invented"]
    assert along["images_invented"] > 0
    assert across["images_showing"] + across["images_without"] == len(labels)


def test_fields_are_mixed_as_stated(tmp_path, cells):
    out = composed(tmp_path / "out", cells(), images=60, cells=(8, 8), main_share=0.75, width=192)
    counts = pd.read_csv(out / "cells.csv", dtype=str).groupby("ID")["classes"].agg(Counter)
    mixed = [count for count in counts if len(count) > 1]
    assert 15 <= len(mixed) <= 40  # half of them, but for those whose few other cells were not drawn
    mains = Counter(count.most_common(1)[0][0] for count in counts if len(count) == 1)
    assert abs(mains["0"] - mains["1"]) < 0.5 * mains.total()
    share = sum(max(count.values()) for count in mixed) / sum(count.total() for count in mixed)
    assert 0.66 < share < 0.84


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(made, tmp_path, cells):
    folder = cells()
    again, other = composed(tmp_path / "again", folder), composed(tmp_path / "other", folder, seed=4)
    for path in sorted(path for path in made.rglob("*") if path.is_file()):
        assert path.read_bytes() == (again / path.relative_to(made)).read_bytes()
    assert (made / "train.csv").read_bytes() != (other / "train.csv").read_bytes()


def test_four_channels_keep_their_order(tmp_path, cells):
    channels = ("red", "green", "blue", "yellow")
    folder = cells(names=("Nucleoli", "Cytosol"), channels=4, masks=False)
    for path in folder.rglob("*.npy"):
        crop = np.load(path)
        np.save(path, crop + np.arange(4, dtype=np.uint8))
    out = composed(tmp_path / "out", folder, channels=channels, noise=AnnotationNoise.none(17))
    source = source_of(out, channels)
    field = source.read(source.table("train").image_ids[0], "train")
    cells_of_field = Stored(out / "label_maps" / "train").segment([field])[0].cells
    levels = [plane[cells_of_field > 0].mean() for plane in field.pixels]
    np.testing.assert_allclose(np.diff(levels), 1, atol=0.2)
    assert not (out / "class_names.csv").exists()
    assert source.class_names[2] == "Nucleoli"
    assert set(pd.read_csv(out / "cells.csv", dtype=str)["classes"]) == {"2", "16"}


def test_the_background_has_the_levels_of_the_crops(made):
    for path in (made / "train").iterdir():
        plane = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cells = cv2.imread(str(made / "label_maps" / "train" / path.name.replace("_green", "")), cv2.IMREAD_UNCHANGED)
        assert set(np.unique(plane[cells == 0])) <= set(range(8, 13))
        assert plane[cells == 0].std() > 0.5


def test_a_rim_passes_into_the_background(tmp_path, cells):
    out = composed(tmp_path / "out", cells(), feather_px=2.0, images=4)
    path = next((out / "train").iterdir())
    plane = cv2.imread(str(path), cv2.IMREAD_UNCHANGED).astype(float)
    cells_of_field = cv2.imread(str(out / "label_maps" / "train" / path.name.replace("_green", "")), -1) > 0
    depth = cv2.distanceTransform(cells_of_field.astype(np.uint8), cv2.DIST_L2, 5)
    assert plane[(depth > 0) & (depth < 1.2)].mean() < 0.6 * plane[depth > 3.5].mean()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"height": 16}, "a field 128x16: a crop, rotated or not, must fit in it .16 do not.; write --size 20"),
        ({"cells": (0, 3)}, "1 cell or more"),
        ({"cells": (5, 3)}, "from fewest to most"),
        ({"max_classes": 0}, "1 class or more"),
        ({"main_share": 0.0}, "a share above 0"),
        ({"channels": ("red", "green")}, "have 1 channels, named are red, green"),
        ({"noise": AnnotationNoise.none(1)}, "a rate for each class from 0 to 1"),
        ({"seed": -1}, "seed is 0 or more"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path, cells, changes, words):
    with pytest.raises(InputError, match=words):
        composed(tmp_path / "out", cells(), **changes)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("share", [0.0, 0.6, float("nan")])
def test_shares_that_make_no_sense_are_refused(tmp_path, cells, share):
    library = read_library(crops_in_folder(cells(), None))
    with pytest.raises(InputError, match="test share"):
        write_composed(tmp_path / "out", library, settings(), images=40, test_share=share)


def test_nothing_is_written_over(made, cells):
    before = {path: path.stat().st_mtime_ns for path in made.rglob("*")}
    with pytest.raises(InputError, match="new or empty"):
        composed(made, cells())
    assert before == {path: path.stat().st_mtime_ns for path in made.rglob("*")}


def test_stripes_differ_between_classes():
    """The crops of these tests are separable, so that what is compared above could differ."""
    assert not np.array_equal(stripes(1, 0), stripes(1, 1))
