import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage.feature import graycomatrix, graycoprops

from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.core.label_map import relabel
from hpa.measurements.cells import CellMeasures
from tests.core.random_label_maps import label_maps

MEASURES = CellMeasures(8, 1)
LENGTHS = ("perimeter", "axis_major", "axis_minor", "nearest_cell")


def field_of(shape, channels=("red", "green"), kind=np.uint8, seed=0):
    levels = np.random.default_rng(seed).integers(0, np.iinfo(kind).max, (len(channels), *shape), endpoint=True)
    return Field("a", levels.astype(kind), channels, 0.5)


def nuclei_in(cells):
    """Every second pixel of some cells, none of the others."""
    nuclei = np.where(cells % 2 == 1, cells, 0)
    nuclei[::2] = 0
    return nuclei


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@given(cells=label_maps().map(relabel))
def test_intensities_are_those_of_the_pixels_of_each_compartment(kind, cells):
    field, nuclei = field_of(cells.shape, kind=kind), nuclei_in(cells)
    found = MEASURES.measure(field, Segmentation(cells, nuclei))
    for number in range(1, cells.max(initial=0) + 1):
        inside = cells == number
        places = {"cell": inside, "nucleus": inside & (nuclei > 0), "cytoplasm": inside & (nuclei == 0)}
        for channel, plane in zip(field.channels, field.pixels.astype(float), strict=True):
            for compartment, mask in places.items():
                expected = [f(plane[mask]) for f in (np.mean, np.std, np.max)] if mask.any() else [np.nan] * 3
                names = [f"{channel}_{compartment}_{name}_level" for name in ("mean", "std", "max")]
                np.testing.assert_allclose([found[name][number - 1] for name in names], expected, atol=1e-3)
        assert found["nucleus_area_px"][number - 1] == places["nucleus"].sum()


@given(label_maps().map(relabel), st.integers(1, 3), st.integers(0, 5))
def test_neither_place_nor_quarter_rotations_matter(cells, rotations, margin):
    field, segmentation = field_of(cells.shape), Segmentation(cells, nuclei_in(cells))
    frame = ((margin, margin), (margin, margin))
    planes = np.stack([np.pad(np.rot90(plane, rotations), frame, constant_values=255) for plane in field.pixels])
    maps = [np.pad(np.rot90(one, rotations), frame) for one in (cells, segmentation.nuclei)]
    before = MEASURES.measure(field, segmentation)
    after = MEASURES.measure(Field("a", planes, field.channels, 0.5), Segmentation(*maps))
    for name, values in before.items():
        if name != "edge_px":
            np.testing.assert_allclose(after[name], values, atol=2e-5, err_msg=name)


def test_texture_is_that_of_scikit_image_where_a_cell_fills_its_box():
    field = field_of((20, 30), ("green",))
    found = MEASURES.measure(field, Segmentation(np.ones((20, 30), np.int32)))
    lowest, highest = int(field.pixels.min()), int(field.pixels.max())
    levels = ((field.pixels[0].astype(int) - lowest) * 8 // (highest - lowest + 1)).astype(np.uint8)
    angles = [0, np.pi / 4, np.pi / 2, 3 * np.pi / 4]
    matrix = graycomatrix(levels, [1], angles, levels=8, symmetric=True).sum(axis=3, keepdims=True)
    matrix = matrix / matrix.sum()
    for name in ("contrast", "homogeneity", "correlation"):
        assert found[f"green_cell_{name}"][0] == pytest.approx(graycoprops(matrix, name)[0, 0])
    assert found["green_cell_entropy_bits"][0] == pytest.approx(
        -(matrix[matrix > 0] * np.log2(matrix[matrix > 0])).sum()
    )


def test_texture_sees_grain_not_brightness_nor_the_neighbour():
    cells = np.zeros((40, 60), np.int32)
    cells[5:35, 5:30], cells[5:35, 30:55] = 1, 2
    noise = np.random.default_rng(1).normal(0, 1, cells.shape)
    plane = 100 + 20 * np.where(cells == 1, noise, 8 * ndimage.gaussian_filter(noise, 4))

    def textures(values):
        field = Field("a", values.clip(0, 255).astype(np.uint8)[None], ("green",), 1.0)
        found = MEASURES.measure(field, Segmentation(cells))
        return np.array([found[f"green_cell_{name}"] for name in ("contrast", "homogeneity", "correlation")])

    fine, coarse = textures(plane).T
    assert fine[0] > 3 * coarse[0]
    assert fine[1] < coarse[1]
    assert abs(fine[2]) < 0.2
    assert coarse[2] > 0.7
    np.testing.assert_allclose(textures(plane + 40), textures(plane), rtol=1e-9)
    np.testing.assert_array_equal(textures(np.where(cells == 2, 0, plane))[:, 0], fine)


def test_a_cell_without_a_nucleus_differs_from_a_field_without_nuclei_by_its_area():
    cells = np.array([[1, 1, 0, 2], [1, 1, 0, 2]], np.int32)
    nuclei = np.array([[1, 0, 0, 0], [0, 0, 0, 0]], np.int32)
    found = MEASURES.measure(field_of(cells.shape), Segmentation(cells, nuclei))
    assert found["nucleus_area_px"].tolist() == [1, 0]
    assert found["nucleus_share"].tolist() == [0.25, 0]
    assert found["nucleus_area_um2"].tolist() == [0.25, 0]
    assert np.isnan(found["red_nucleus_mean_level"]).tolist() == [False, True]
    assert np.isnan(found["red_nucleus_cytoplasm_ratio"]).tolist() == [False, True]
    assert np.isfinite(found["red_cytoplasm_mean_level"]).all()
    without = MEASURES.measure(field_of(cells.shape), Segmentation(cells))
    for name, values in without.items():
        assert np.isnan(values).all() == ("nucleus" in name or "cytoplasm" in name), name


def test_lengths_stand_in_px_and_um_and_one_cell_has_no_nearest():
    cells = np.zeros((20, 20), np.int32)
    cells[2:8, 2:12] = 1
    found = MEASURES.measure(field_of(cells.shape), Segmentation(cells))
    for name in LENGTHS:
        np.testing.assert_array_equal(found[f"{name}_um"], found[f"{name}_px"] / 2)
    assert np.isnan(found["nearest_cell_px"][0])
    cells[12:18, 2:12] = 2
    assert MEASURES.measure(field_of(cells.shape), Segmentation(cells))["nearest_cell_um"].tolist() == [5, 5]


@pytest.mark.parametrize("channels", [(), ("grey",), ("red", "green", "blue", "yellow")])
def test_columns_are_those_of_the_channels_whatever_the_cells(channels):
    cells = np.zeros((9, 9), np.int32)
    nothing = MEASURES.measure(field_of(cells.shape, channels), Segmentation(cells, cells))
    assert all(len(values) == 0 for values in nothing.values())
    cells[4, 4] = 1
    one = MEASURES.measure(field_of(cells.shape, channels), Segmentation(cells, cells))
    assert tuple(nothing) == tuple(one) == MEASURES.names(channels)
    assert all(values.dtype == np.float64 for values in one.values())


@pytest.mark.parametrize(("levels", "distance_px"), [(1, 1), (256, 1), (8, 0)])
def test_settings_that_make_no_sense_are_refused(levels, distance_px):
    with pytest.raises(InputError, match="expected"):
        CellMeasures(levels, distance_px)
