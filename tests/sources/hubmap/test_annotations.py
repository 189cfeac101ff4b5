import gzip
import json

import numpy as np
import pandas as pd
import pytest

from hpa.core.encoding import encode_column_runs, read_column_runs
from hpa.core.errors import InputError
from hpa.metrics.tissue import dice_of
from hpa.sources.hubmap.annotations import polygon_mask, read_polygons

SQUARE = [[2, 3], [6, 3], [6, 8], [2, 8]]


def test_polygons_are_read_as_vertices(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps([SQUARE, [[0.5, 1], [2, 3], [4, 5]]]))
    square, triangle = read_polygons(tmp_path / "a.json")
    assert square.tolist() == SQUARE
    assert triangle[0].tolist() == [0.5, 1.0]


def test_a_mask_is_cut_at_the_canvas_and_then_moved_up_by_a_pixel():
    mask = polygon_mask([np.array([[0.0, 0.0], [199.0, 0.0], [199.0, 150.0], [0.0, 150.0]])], 150, 200)
    assert mask[:-1].all()
    assert not mask[-1].any()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "cannot be read as JSON"),
        ("[[[1, 2], [3", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("[]", "no polygon was found"),
        ('{"a": 1}', "no polygon was found"),
        ("[[[1, 2], [3]]]", "polygon 1 has vertices of several lengths"),
        ("[[[1, 2], [3, 4], [5, 6]], [[1, 2, 3]]]", "polygon 2 is no list of pairs"),
        ('[[["1", "2"], ["3", "4"]]]', "polygon 1 is no list of pairs"),
        ("[[1, 2], [3, 4]]", "polygon 1 is no list of pairs"),
        ("[7]", "polygon 1 is no list of pairs"),
        ("[null]", "polygon 1 is no list of pairs"),
        ("[[[1, 2], [3, 1" + "0" * 400 + "]]]", "polygon 1 is no list of pairs"),
    ],
)
def test_files_that_hold_no_polygons_are_reported(tmp_path, text, told):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match=rf"a\.json: .*{told}"):
        read_polygons(tmp_path / "a.json")


def test_missing_and_unreadable_files_are_reported(tmp_path):
    with pytest.raises(InputError, match="the file is missing"):
        read_polygons(tmp_path / "a.json")
    (tmp_path / "b.json").write_bytes(b"\xff\xfe[1]")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        read_polygons(tmp_path / "b.json")


@pytest.mark.slow
def test_all_351_real_files_are_read_whole(samples, tmp_path):
    folder = samples / "hubmap_ftu_labels"
    index = pd.read_csv(folder / "index_351.csv", dtype={"id": str}).set_index("id")
    with gzip.open(folder / "train_351_polygons.json.gz", "rt") as file:
        sets = json.load(file)
    for image_id, content in sets.items():
        (tmp_path / "a.json").write_text(json.dumps(content))
        polygons = read_polygons(tmp_path / "a.json")
        assert len(polygons) == index.loc[image_id, "n_polygons"]
        assert sum(map(len, polygons)) == index.loc[image_id, "n_points"]
    assert set(sets) == set(index.index)
    assert len(sets) == 351


def real_dice(samples, every):
    folder = samples / "hubmap_ftu_labels"
    rows = pd.read_csv(folder / "train_141_rle.csv.gz", dtype={"id": str})
    with gzip.open(folder / "train_351_polygons.json.gz", "rt") as file:
        sets = json.load(file)
    assert (len(sets), len(rows)) == (351, 141)
    values = []
    for row in rows[::every].itertuples():
        polygons = [np.array(vertices, np.float64) for vertices in sets[row.id]]
        text = encode_column_runs(polygon_mask(polygons, row.img_height, row.img_width))
        size = row.img_height, row.img_width
        values.append(dice_of(read_column_runs(text, *size), read_column_runs(row.rle, *size)))
    return values


@pytest.mark.slow
def test_polygons_give_the_masks_that_the_competition_scores(samples):
    assert min(real_dice(samples, every=15)) > 0.999999


@pytest.mark.thorough
def test_all_but_one_real_mask_is_given_to_the_pixel(samples):
    dice = real_dice(samples, every=1)
    assert sum(value == 1 for value in dice) == 140
    assert min(dice) > 0.999999
