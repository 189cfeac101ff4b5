"""Tissue that cannot be used, through the command's own code: named before training, or blank with its reason."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image

from hpa.app.infer import infer
from hpa.app.train import train
from hpa.config import plain
from hpa.core.encoding import decode_column_runs
from hpa.core.errors import InputError
from tests.tiny_tissue import CHOICES, tiny_words, write_sections

pytestmark = pytest.mark.slow
TINY = (*tiny_words(12.5), "report=false")


@pytest.fixture(scope="module")
def sections(tmp_path_factory):
    return write_sections(tmp_path_factory.mktemp("sections") / "data", 10, 3, 96)


@pytest.fixture(scope="module")
def trained(composed, sections, tmp_path_factory):
    run = tmp_path_factory.mktemp("tissue") / "run"
    assert train(plain(composed("train", *TINY, f"data.root={sections}", f"run_dir={run}")), CHOICES, None) == 0
    return run


@pytest.fixture
def copied(sections, tmp_path) -> Path:
    return Path(shutil.copytree(sections, tmp_path / "copy"))


def first_id(root: Path, split: str) -> str:
    return str(pd.read_csv(root / f"{split}.csv", dtype=str)["id"].iloc[0])


def change_row(root: Path, split: str, **values: str) -> str:
    """Change the first row of a table and return the id of its image."""
    rows = pd.read_csv(root / f"{split}.csv", dtype=str, keep_default_na=False)
    for name, value in values.items():
        rows.loc[0, name] = value
    rows.to_csv(root / f"{split}.csv", index=False)
    return str(rows.loc[0, "id"])


def trains(composed, root: Path, tmp_path: Path) -> int:
    return train(plain(composed("train", *TINY, f"data.root={root}", f"run_dir={tmp_path / 'run'}")), CHOICES, None)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"rle": "9200 99"}, "rle: a column run lies outside the image of 96 x 96"),
        ({"rle": "5 3 9"}, r"rle: .*pairs"),
        ({"organ": "liver"}, "organ 'liver' is unknown; the organs are kidney"),
        ({"pixel_size": "", "data_source": "GTEx"}, "pixel_size is blank, and no usual one is known for"),
        ({"img_height": "0"}, "img_height '0'"),
    ],
)
def test_rows_that_cannot_be_used_are_named_before_training(composed, copied, tmp_path, values, told):
    image_id = change_row(copied, "train", **values)
    with pytest.raises(InputError, match=told) as caught:
        trains(composed, copied, tmp_path)
    assert image_id in str(caught.value)


def test_polygons_off_the_canvas_are_named_where_the_mask_needs_them(composed, copied, tmp_path):
    image_id = change_row(copied, "train", rle="")
    (copied / "train_annotations" / f"{image_id}.json").write_text(json.dumps([[[5, 5], [400, 5], [5, 60]]]))
    with pytest.raises(InputError, match=r"polygon 1 goes 305 px off the canvas of 96×96 px"):
        trains(composed, copied, tmp_path)


def test_a_missing_pixel_size_is_that_of_source_and_organ_and_logged(composed, copied, tmp_path, caplog):
    change_row(copied, "train", pixel_size="")
    assert trains(composed, copied, tmp_path) == 0
    assert "pixel_size is blank: 0.4 µm is taken, as of all images of kidney of HPA" in caplog.text


def test_pictures_that_cannot_be_used_are_named_before_training(composed, copied, tmp_path):
    path = copied / "train_images" / f"{first_id(copied, 'train')}.tiff"
    Image.open(path).convert("CMYK").save(path)
    with pytest.raises(
        InputError, match=r"one RGB picture .* is expected, the file holds CMYK \(inks\); convert it to RGB"
    ):
        trains(composed, copied, tmp_path)


def predicted(composed, trained: Path, root: Path, tmp_path: Path, *words: str) -> tuple[int, pd.DataFrame]:
    out = tmp_path / "submission.csv"
    given = (f"ckpt={trained}", "data=hubmap", f"data.root={root}", f"out={out}", "device=cpu", *words)
    code = infer(plain(composed("infer", *given)))
    return code, pd.read_csv(out, keep_default_na=False, dtype=str)


def test_16_bit_is_masked_as_8_bit_is(composed, trained, sections, copied, tmp_path):
    for path in (copied / "test_images").iterdir():
        tifffile.imwrite(path, tifffile.imread(path).astype(np.uint16) * 257, photometric="rgb")
    (tmp_path / "eight").mkdir()
    _, expected = predicted(composed, trained, sections, tmp_path / "eight")
    code, found = predicted(composed, trained, copied, tmp_path)
    assert code == 0
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize("kind", ["CMYK", "cut short", "missing"])
def test_one_broken_picture_in_the_middle_is_blank_and_the_others_are_masked(
    composed, trained, copied, tmp_path, caplog, kind
):
    ids = pd.read_csv(copied / "test.csv", dtype=str)["id"].tolist()
    path = copied / "test_images" / f"{ids[1]}.tiff"
    if kind == "CMYK":
        Image.open(path).convert("CMYK").save(path)
    elif kind == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-2000])
    code, table = predicted(composed, trained, copied, tmp_path)
    assert code == 3
    assert (table["rle"] == "").tolist() == [False, True, False]
    assert ids[1] in caplog.text


def test_an_image_smaller_than_a_tile_is_masked_whole(composed, trained, copied, tmp_path):
    image_id = change_row(copied, "test", img_height="7", img_width="5")
    path = copied / "test_images" / f"{image_id}.tiff"
    tifffile.imwrite(path, tifffile.imread(path)[:7, :5], photometric="rgb")
    code, table = predicted(composed, trained, copied, tmp_path, "tiles.side_px=512")
    assert code == 0
    assert decode_column_runs(table["rle"].iloc[0], 7, 5).any()


def test_no_test_image_at_all_is_reported(composed, trained, copied, tmp_path):
    header = (copied / "test.csv").read_text().splitlines()[0]
    (copied / "test.csv").write_text(header + "\n")
    with pytest.raises(InputError, match="only a header was found; at least one row is needed"):
        predicted(composed, trained, copied, tmp_path)
