from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy import ndimage
from skimage.color import rgb_from_hed
from skimage.io import imread

from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.interfaces import Segmenter
from hpa.segmenters.colour_deconvolution import ColourDeconvolution
from tests.roles import assert_fills

CONFIG = Path(__file__).parents[2] / "conf/segmenter/colour_deconvolution.yaml"
CENTRES = [(20, 20), (20, 70), (50, 45), (80, 20), (80, 76)]


def segmenter(**changed) -> ColourDeconvolution:
    settings = yaml.safe_load(CONFIG.read_text())
    del settings["_target_"]
    return ColourDeconvolution(**settings | changed)


def section(strength: float = 0.6, dtype: type = np.uint8) -> tuple[Field, np.ndarray]:
    """Blue discs of haematoxylin on pink ground of eosin, both unevenly stained."""
    rows, columns = np.mgrid[:100, :100]
    truth = np.any([np.hypot(rows - y, columns - x) < 9 for y, x in CENTRES], axis=0)
    draw = np.random.default_rng(0)
    amounts = np.zeros((100, 100, 3))
    amounts[..., 0] = truth * strength * draw.uniform(0.8, 1.2, truth.shape)
    amounts[..., 1] = 0.4 * draw.uniform(0.8, 1.2, truth.shape)
    light = 10.0 ** -(amounts @ rgb_from_hed)
    pixels = np.round(light * np.iinfo(dtype).max).astype(dtype)
    return Field("drawn", np.ascontiguousarray(np.moveaxis(pixels, -1, 0)), ("red", "green", "blue"), 0.25), truth


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * (one & other).sum() / (one.sum() + other.sum())


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("strength", [0.2, 0.6, 1.2])
def test_every_drawn_nucleus_is_found_however_strong_the_stain(strength, dtype):
    field, truth = section(strength, dtype)
    assert_fills(segmenter(), Segmenter)
    (found,) = segmenter().segment([field])
    assert found.cells.max() == len(CENTRES)
    assert dice(found.cells > 0, truth) > 0.95
    assert np.array_equal(found.cells, found.nuclei)
    assert all(ndimage.label(found.cells == number)[1] == 1 for number in range(1, 6))


def test_eosin_alone_is_no_nucleus():
    """Stronger pink where there are no nuclei does not count: the colour, not the darkness, is what is cut."""
    field, truth = section()
    pixels = field.pixels.copy()
    pixels[:, 40:60, 70:] = (pixels[:, 40:60, 70:] * np.array([0.9, 0.4, 0.8])[:, None, None]).astype(np.uint8)
    (found,) = segmenter().segment([Field("pink", pixels, field.channels, 0.25)])
    assert dice(found.cells > 0, truth) > 0.9


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_a_picture_of_one_colour_holds_nothing(grey):
    blank = Field("blank", np.full((3, 20, 30), grey, np.uint8), ("red", "green", "blue"), 0.25)
    assert not segmenter().segment([blank])[0].cells.any()


def test_specks_are_dropped_and_the_rest_is_renumbered():
    field, _ = section()
    (found,) = segmenter(min_area_px2=10_000).segment([field])
    assert not found.cells.any()
    assert segmenter(min_area_px2=10_000).fingerprint() != segmenter().fingerprint()


def test_a_field_without_colours_and_settings_out_of_range_are_refused():
    with pytest.raises(InputError, match="channel 'red' is needed"):
        segmenter().segment([Field("grey", np.zeros((1, 9, 9), np.uint8), ("blue",), 0.25)])
    with pytest.raises(InputError, match="smoothing_px and summit_px above 0"):
        segmenter(smoothing_px=0.0)


def test_real_histology_is_found_better_than_by_calling_everything_a_nucleus(samples):
    index = pd.read_csv(samples / "dsb2018" / "index.csv")
    scores = []
    for image_id in index.loc[index["kind"] == "histology_white", "id"].head(4):
        pixels = np.moveaxis(imread(samples / "dsb2018" / "images" / f"{image_id}.png")[..., :3], -1, 0)
        truth = imread(samples / "dsb2018" / "labels" / f"{image_id}.png") > 0
        field = Field(image_id, np.ascontiguousarray(pixels), ("red", "green", "blue"), 0.25)
        scores.append((dice(segmenter().segment([field])[0].cells > 0, truth), dice(np.ones_like(truth), truth)))
    found, baseline = np.mean(scores, axis=0)
    assert found > 0.75
    assert found > baseline + 0.2
