from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from benchmarks.cells import field_of_cells
from hpa.config import build
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.flows import flows_of
from hpa.core.label_map import relabel
from hpa.core.matching import iou_matrix
from hpa.interfaces import Segmenter
from hpa.segmenters.cellpose import stretched
from tests.roles import assert_fills
from tests.small_cellpose import picture_state, saved, small_state

CHANNELS = ("red", "green", "blue", "yellow")
CONFIG = Path(__file__).parents[2] / "conf/segmenter/cellpose.yaml"


def segmenter(weights, **changed):
    config = OmegaConf.merge(OmegaConf.load(CONFIG), {"diameter_um": None, "device": "cpu"}, changed)
    config.weights = None if weights is None else str(weights)
    return build(OmegaConf.to_container(config))


def reporting(label_map, depth=np.uint16, pixel_um=0.5):
    """A field that shows what the stand-in repeats: dy in red, dx in yellow, the mask in blue."""
    dy, dx = flows_of(label_map)
    planes = np.stack([(dy + 1) / 2, np.zeros_like(dy), label_map > 0, (dx + 1) / 2])
    top = np.iinfo(depth).max
    return Field("reporting", np.round(planes * top * 0.9).astype(depth), CHANNELS, pixel_um)


def cells_of(height, width, count, seed=0):
    return relabel(np.ascontiguousarray(field_of_cells(max(height, width), count, seed)[:height, :width]))


def assert_found(found, truth, iou=0.75):
    assert found.cells.dtype == np.int32
    assert found.nuclei is None
    assert found.cells.shape == truth.shape
    large = np.bincount(truth.ravel())[1:] > 100  # the cut edge leaves slivers
    assert (iou_matrix(found.cells, truth).max(axis=0)[large] > iou).mean() > 0.9


@pytest.fixture
def picture_file(small_cellpose, tmp_path):
    return saved(picture_state(), tmp_path / "picture")


def test_plays_the_role(picture_file):
    assert_fills(segmenter(picture_file), Segmenter)
    assert segmenter(picture_file).channels == ("red", "yellow", "blue")


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize(("height", "width"), [(180, 230), (60, 400)])
def test_cells_of_any_size_and_depth_are_found(picture_file, depth, height, width):
    truth = cells_of(height, width, 20)
    (found,) = segmenter(picture_file).segment([reporting(truth, depth)])
    assert_found(found, truth)


@pytest.mark.parametrize(("diameter_um", "factor"), [(30.0, 0.5), (7.5, 2.0)])
def test_fields_are_shown_at_the_scale_of_the_diameter(picture_file, diameter_um, factor):
    truth = cells_of(120, 100, 4)
    chosen = segmenter(picture_file, diameter_um=diameter_um)
    field = reporting(truth)
    assert chosen._seen(field).shape == (120 * factor, 100 * factor, 3)
    (found,) = chosen.segment([field])
    assert_found(found, truth, iou=0.7)


def test_fields_together_are_as_fields_alone(picture_file):
    truths = [cells_of(100, 120, 6), cells_of(90, 90, 5), cells_of(100, 120, 8, seed=1)]
    chosen = segmenter(picture_file, tiles_at_once=2)
    together = chosen.segment([reporting(truth) for truth in truths])
    for truth, found in zip(truths, together, strict=True):
        (alone,) = chosen.segment([reporting(truth)])
        np.testing.assert_array_equal(found.cells, alone.cells)


def test_no_fields_give_no_result(picture_file):
    assert segmenter(picture_file).segment([]) == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Sparse invariant checks:UserWarning")  # the package's own tensors
def test_cells_are_those_of_the_package(picture_file):
    from cellpose.models import CellposeModel

    package = CellposeModel(pretrained_model=str(picture_file), device=torch.device("cpu"), use_bfloat16=False)
    truth = cells_of(256, 200, 12)
    field = reporting(truth)
    reference, _, _ = package.eval(field.pixels[[0, 3, 2]].transpose(1, 2, 0), channel_axis=2)
    (found,) = segmenter(picture_file).segment([field])
    iou = iou_matrix(found.cells, reference.astype(np.int32))
    assert found.cells.max() == reference.max()
    assert iou.max(axis=0).min() > 0.85
    assert np.median(iou.max(axis=0)) > 0.95


@given(seed=st.integers(0, 1000), peak=st.sampled_from([3, 255, 60_000]))
@settings(max_examples=20)
def test_intensities_are_those_of_the_package(seed, peak):
    transforms = pytest.importorskip("cellpose.transforms", reason='needs pip install "hpa-cells[cellpose]"')
    rng = np.random.default_rng(seed)
    plane = (rng.random((40, 30)) ** rng.integers(1, 6) * peak).astype(np.uint16)
    reference = transforms.normalize_img(plane[..., None].astype(np.float32))[..., 0]
    np.testing.assert_allclose(stretched(plane), reference, atol=1e-5)


@pytest.mark.parametrize("level", [0, 7, 255])
@pytest.mark.parametrize("shape", [(1, 1), (90, 130)])
def test_a_constant_field_holds_no_cell(picture_file, level, shape):
    field = Field("flat", np.full((4, *shape), level, np.uint8), CHANNELS, 0.5)
    (found,) = segmenter(picture_file).segment([field])
    assert found.cells.shape == shape
    assert not found.cells.any()


@given(shape=st.tuples(st.integers(1, 60), st.integers(1, 60)), seed=st.integers(0, 99))
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_noise_of_any_size_gives_a_sound_map(picture_file, shape, seed):
    pixels = np.random.default_rng(seed).integers(0, 65535, (4, *shape)).astype(np.uint16)
    (found,) = segmenter(picture_file).segment([Field("noise", pixels, CHANNELS, 0.5)])
    assert set(np.unique(found.cells)) | {0} == set(range(found.cells.max() + 1))


@pytest.mark.parametrize("names", [["green"], ["red", "yellow"]])
def test_channels_are_chosen(picture_file, names):
    chosen = segmenter(picture_file, cell_channels=names, nucleus_channel=None)
    assert chosen.channels == tuple(names)
    (found,) = chosen.segment([reporting(cells_of(60, 50, 3))])
    assert found.cells.shape == (60, 50)


def test_half_precision_runs(picture_file):
    (found,) = segmenter(picture_file, precision="bf16").segment([reporting(cells_of(60, 50, 3))])
    assert found.cells.shape == (60, 50)


def test_fingerprint_depends_on_weights_and_settings(picture_file, tmp_path):
    own = segmenter(picture_file).fingerprint()
    assert own == segmenter(picture_file).fingerprint()
    assert own != segmenter(picture_file, max_error=0.5).fingerprint()
    other = segmenter(saved(small_state(), tmp_path / "other")).fingerprint()
    assert own["weights"] != other["weights"]
    copy = tmp_path / "copy"
    copy.write_bytes(picture_file.read_bytes())
    assert own == segmenter(copy).fingerprint()


def test_a_file_is_needed(small_cellpose, tmp_path):
    with pytest.raises(InputError, match=r"segmenter\.weights.*nothing is downloaded"):
        segmenter(None)
    for name, message in {"cyto3": "nothing is downloaded", "gone/cpsam": "there is no file"}.items():
        with pytest.raises(InputError, match=message):
            segmenter(name)
    with pytest.raises(InputError, match="is a folder"):
        segmenter(tmp_path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"cell_channels": ["red", "green", "yellow"]}, "one to 3 channels, came 4"),
        ({"cell_channels": [], "nucleus_channel": None}, "one to 3 channels, came 0"),
        ({"diameter_um": 0.0}, "diameter_um"),
        ({"max_error": -1.0}, "max_error"),
        ({"tiles_at_once": 0}, "tiles_at_once"),
        ({"min_probability": 1.0}, "cellprob_threshold"),
        ({"precision": "fp8"}, "precision"),
        ({"device": "abacus"}, "device"),
    ],
)
def test_settings_out_of_range_are_refused(tmp_path, changed, message):
    with pytest.raises(InputError, match=message):
        segmenter(tmp_path, **changed)


@pytest.mark.parametrize("pixel_um", [float("nan"), 40.0])
def test_a_pixel_size_that_cannot_be_is_refused(picture_file, pixel_um):
    field = Field("image", np.zeros((4, 9, 9), np.uint8), CHANNELS, pixel_um)
    with pytest.raises(InputError, match="image: pixels of"):
        segmenter(picture_file, diameter_um=25.0).segment([field])


def test_a_missing_channel_is_named(picture_file):
    field = Field("one", np.zeros((1, 9, 9), np.uint8), ("green",), 0.5)
    with pytest.raises(InputError, match="'red' is needed"):
        segmenter(picture_file).segment([field])
