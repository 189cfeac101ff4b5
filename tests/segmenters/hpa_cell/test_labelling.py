from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from hpa.core.errors import InputError
from hpa.core.matching import count_matches, iou_matrix
from hpa.segmenters.hpa_cell import label_cells
from hpa.segmenters.hpa_cell.exact import label_nuclei

CASES = ["square_512", pytest.param("large_2048", marks=pytest.mark.slow)]
MODES = ["exact", "fast"]


def reference(cases: Path, name: str) -> dict[str, np.ndarray]:
    with np.load(cases / f"labelling_{name}.npz") as arrays:
        return {key: arrays[key] for key in arrays.files if arrays[key].ndim >= 2}


def drawn(height: int, width: int, centres: list[tuple[int, int]], pixel_um: float) -> tuple[np.ndarray, np.ndarray]:
    """Planes of round cells of 8 µm radius with nuclei of 4 µm, each cell rimmed by a border."""
    elsewhere = np.ones((height, width), bool)
    elsewhere[tuple(np.transpose(centres))] = False
    distance_um = ndimage.distance_transform_edt(elsewhere) * pixel_um
    nuclei, cells = (np.zeros((height, width, 3), np.uint8) for _ in range(2))
    nuclei[..., 2] = 240 * (distance_um < 4)
    cells[..., 2] = 230 * (distance_um < 8)
    cells[..., 1] = 200 * (abs(distance_um - 8) < 0.4)
    return nuclei, cells


def assert_sound(nuclei: np.ndarray, cells: np.ndarray, shape: tuple[int, ...]) -> None:
    assert nuclei.dtype == cells.dtype == np.int32
    assert nuclei.shape == cells.shape == shape[:2]
    assert set(np.unique(cells)) | {0} == set(range(cells.max() + 1))
    np.testing.assert_array_equal(nuclei[nuclei > 0], cells[nuclei > 0])


@pytest.mark.parametrize("name", CASES)
def test_exact_cells_are_those_of_the_original_without_its_two_faults(cases: Path, name: str) -> None:
    arrays = reference(cases, name)
    found = label_cells(arrays["nuclei_pred"], arrays["cell_pred"], mode="exact")
    for label_map, key in zip(found, ("fixed_nuclei", "fixed_cell"), strict=True):
        best = iou_matrix(label_map, arrays[key].astype(np.int32)).max(axis=0)
        assert best.mean() >= 0.97
        assert (best >= 0.9).mean() >= 0.95


@pytest.mark.parametrize("name", CASES)
def test_nuclei_alone_are_those_of_the_original(cases: Path, name: str) -> None:
    arrays = reference(cases, name)
    best = iou_matrix(label_nuclei(arrays["nuclei_pred"], 0.08), arrays["label_nuclei"].astype(np.int32)).max(axis=0)
    assert best.mean() >= 0.97
    assert (best >= 0.9).mean() >= 0.95


@pytest.mark.parametrize("name", CASES)
def test_fast_cells_are_nearly_the_exact_ones(cases: Path, name: str) -> None:
    arrays = reference(cases, name)
    nuclei, cells = label_cells(arrays["nuclei_pred"], arrays["cell_pred"], mode="fast")
    assert_sound(nuclei, cells, arrays["cell_pred"].shape)
    iou = iou_matrix(cells, arrays["fixed_cell"].astype(np.int32))
    assert count_matches(iou, 0.6).average_precision >= 0.97
    assert count_matches(iou_matrix(nuclei, arrays["fixed_nuclei"].astype(np.int32)), 0.6).average_precision >= 0.97


@pytest.mark.parametrize("name", CASES)
def test_fast_cells_are_nearly_the_exact_ones_on_the_networks_grid_too(cases: Path, name: str) -> None:
    """Output of the networks at 0.32 µm, enlarged for the exact mode and as it is for the fast one."""
    arrays = reference(cases, name)
    small = [arrays[key] for key in ("nuclei_pred", "cell_pred")]
    small = [cv2.resize(planes, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA) for planes in small]
    large = [planes.repeat(4, axis=0).repeat(4, axis=1) for planes in small]
    _, cells = label_cells(small[0], small[1], mode="fast", pixel_um=0.32)
    _, expected = label_cells(large[0], large[1], mode="exact")
    enlarged = cells.repeat(4, axis=0).repeat(4, axis=1)
    assert count_matches(iou_matrix(enlarged, expected), 0.6).average_precision >= 0.97


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("block", [2, 4])
def test_sizes_are_physical(cases: Path, mode: str, block: int) -> None:
    arrays = reference(cases, "square_512")
    # as a network at this pixel size would see it: borders are thin and must not be averaged away
    planes = [arrays[key] for key in ("nuclei_pred", "cell_pred")]
    shrunk = [plane.reshape(512 // block, block, 512 // block, block, 3) for plane in planes]
    coarse = [np.stack([p[..., 0].max((1, 3)), p[..., 1].max((1, 3)), p[..., 2].min((1, 3))], axis=-1) for p in shrunk]
    _, cells = label_cells(coarse[0], coarse[1], mode=mode, pixel_um=0.08 * block)
    expected = arrays["fixed_cell"][block // 2 :: block, block // 2 :: block].astype(np.int32)
    assert count_matches(iou_matrix(cells, expected), 0.5).f1 >= 0.85


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("height", "width"), [(60, 1200), (331, 257)])
def test_sizes_that_are_no_multiples_of_anything(mode: str, height: int, width: int) -> None:
    step = 120
    centres = [(r, c) for r in range(30, height, step) for c in range(60, width - 30, step)]
    nuclei, cells = label_cells(*drawn(height, width, centres, 0.16), mode=mode, pixel_um=0.16)
    assert_sound(nuclei, cells, (height, width))
    assert cells.max() == len(centres)
    assert len({int(nuclei[centre]) for centre in centres}) == len(centres)


@pytest.mark.parametrize("mode", MODES)
def test_many_cells_keep_their_numbers(mode: str) -> None:
    """The original lost every 256th cell."""
    centres = [(r, c) for r in range(32, 1150, 64) for c in range(32, 1150, 64)]
    nuclei, cells = label_cells(*drawn(1152, 1152, centres, 0.32), mode=mode, pixel_um=0.32)
    assert cells.max() == len(centres) == 324
    assert len({int(nuclei[centre]) for centre in centres}) == len(centres)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_five_thousand_small_cells(mode: str) -> None:
    centres = [(r, c) for r in range(30, 2160, 30) for c in range(30, 2160, 30)]
    nuclei, cells = drawn(2190, 2190, centres, 0.5)
    found_nuclei, found = label_cells(nuclei, cells, mode=mode, pixel_um=0.5)
    assert found.max() == len(centres) > 5000
    assert_sound(found_nuclei, found, (2190, 2190))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("edge_cells", "count"), [("merged", 1), ("kept", 2), ("dropped", 1)])
def test_a_cell_cut_by_the_edge_without_nucleus(mode: str, edge_cells: str, count: int) -> None:
    nuclei, cells = drawn(200, 200, [(100, 110), (100, 10)], 0.16)
    nuclei[:, :60] = 0
    # the bodies touch through a gap of the border, so that the neighbour floods what has no nucleus
    cells[97:104, 40:80, 2] = 150
    cells[97:104, 40:80, 1] = 0
    cells[97:104, 58:62, 1] = 30
    found_nuclei, found = label_cells(nuclei, cells, mode=mode, pixel_um=0.16, edge_cells=edge_cells)
    assert_sound(found_nuclei, found, (200, 200))
    assert found.max() == count
    own = found[100, 110]
    at_edge = int(found[100, 10])
    if edge_cells == "kept":
        assert at_edge not in (0, own)
    elif edge_cells == "dropped":
        assert at_edge == 0


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("level", [0, 255])
def test_constant_planes(mode: str, level: int) -> None:
    planes = np.full((70, 90, 3), level, np.uint8)
    nuclei, cells = label_cells(planes, planes, mode=mode, pixel_um=0.32)
    assert_sound(nuclei, cells, planes.shape)
    assert not cells.any()  # certain borders everywhere leave no seed


@pytest.mark.parametrize("mode", MODES)
def test_one_enormous_cell(mode: str) -> None:
    planes = np.zeros((300, 300, 3), np.uint8)
    planes[5:-5, 5:-5, 2] = 200
    nuclei, cells = label_cells(planes, planes, mode=mode)
    assert_sound(nuclei, cells, planes.shape)
    assert cells.max() == 1
    assert (cells > 0).mean() > 0.85


@settings(max_examples=25, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 80), st.integers(1, 80)),
    pixel_um=st.sampled_from([0.05, 0.08, 0.32, 0.9]),
    edge_cells=st.sampled_from(["merged", "kept", "dropped"]),
    mode=st.sampled_from(MODES),
    seed=st.integers(0, 99),
)
def test_result_is_sound_whatever_the_planes(
    shape: tuple[int, int], pixel_um: float, edge_cells: str, mode: str, seed: int
) -> None:
    random = np.random.default_rng(seed)
    planes = [ndimage.gaussian_filter(random.random((*shape, 3)), (4, 4, 0)) for _ in range(2)]
    levels = [np.clip((plane - plane.mean()) * 900 + 120, 0, 255).astype(np.uint8) for plane in planes]
    before = [plane.copy() for plane in levels]
    nuclei, cells = label_cells(levels[0], levels[1], mode=mode, pixel_um=pixel_um, edge_cells=edge_cells)
    assert_sound(nuclei, cells, shape)
    for plane, copy in zip(levels, before, strict=True):
        np.testing.assert_array_equal(plane, copy)


def test_wrong_input_is_named() -> None:
    good = np.zeros((8, 9, 3), np.uint8)
    with pytest.raises(InputError, match="mode must be one of exact, fast"):
        label_cells(good, good, mode="quick")
    with pytest.raises(InputError, match="edge_cells must be one of kept, dropped, merged"):
        label_cells(good, good, edge_cells="gone")
    with pytest.raises(InputError, match="one size"):
        label_cells(good, good[:4].copy())
    with pytest.raises(InputError, match="pixel_um"):
        label_cells(good, good, pixel_um=0.0)
