"""Images worked on in tiles give the cells of one piece, whatever the tiles, interruptions and gaps."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest
import tifffile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hpa.cli import main
from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.core.planes import PlaneSpec
from hpa.core.windows import TileGrid, Window
from hpa.formats.field_windows import open_windows
from hpa.formats.folder_images import FolderImages
from hpa.inference.large.large_image import LargeOutput, segment_large
from hpa.inference.tissue.predictor import PixelPredictor
from hpa.measurements.cells import CellMeasures
from hpa.models.target.foreground import ForegroundTarget
from hpa.segmenters.network import NetworkSegmenter
from hpa.segmenters.watershed import Watershed
from hpa.segmenters.windows import windows_of
from tests.discs import discs
from tests.inference.tissue.test_predictor import Dense

zarr = pytest.importorskip("zarr")
WATERSHED = Watershed(
    cell_channels=("red",), reach_um=8.0, neighbourhood_um=20.0, background_um=40.0, nucleus_min_um2=20.0, work_um=1.3
)


def picture(height: int = 301, width: int = 260) -> np.ndarray:
    """Return two planes of 8 bit: nuclei, and the cytoplasm around them."""
    nuclei = discs(320, 90, seed=3)[0][:height, :width]
    return np.stack([cv2.GaussianBlur(nuclei, (0, 0), 5), nuclei])


def opened(path: Path, pixels: np.ndarray, pixel_um: float = 1.0, channels=("red", "blue")):
    tifffile.imwrite(path, pixels, photometric="minisblack", tile=(64, 48), compression="zlib")
    images = FolderImages(path, channels, channels, pixel_um)
    return open_windows(images, images.image_ids[0])


def label_map_of(folder: Path, name: str = "cells", level: int = 0) -> np.ndarray:
    return zarr.open_array(str(folder / "a.zarr" / "labels" / name / str(level)), mode="r")[...]


def contents(folder: Path) -> dict[str, bytes]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def assert_same_cells(found: np.ndarray, expected: np.ndarray) -> None:
    """Compare two label maps whose cells may be numbered differently."""
    pairs = np.unique(np.stack([found.ravel(), expected.ravel()]), axis=1)
    assert len(pairs[0]) == len(set(pairs[0])) == len(set(pairs[1])) == expected.max() + 1
    assert found.max() == expected.max()


def assert_nearly_same_cells(found: np.ndarray, expected: np.ndarray) -> None:
    """Compare two label maps: as many cells, and each overlaps one of the other by nine tenths (IoU)."""
    pairs, shared = np.unique(np.stack([found.ravel(), expected.ravel()]), axis=1, return_counts=True)
    areas, expected_areas = np.bincount(found.ravel()), np.bincount(expected.ravel())
    overlap = shared / (areas[pairs[0]] + expected_areas[pairs[1]] - shared)
    assert np.count_nonzero((overlap > 0.9) & (pairs > 0).all(axis=0)) == found.max() == expected.max()


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tile_px=st.integers(90, 330))
def test_any_tiles_give_the_cells_of_one_piece(tile_px, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiles")
    image = opened(folder / "a.tif", picture())
    whole = WATERSHED.segment([image.read(Window(0, 0, 301, 260))])[0]
    result = segment_large(image, WATERSHED, {}, LargeOutput(folder / "out", tile_px))
    assert result.cells == whole.cells.max() > 30
    assert_nearly_same_cells(label_map_of(folder / "out"), whole.cells)
    assert whole.nuclei is not None
    assert_nearly_same_cells(label_map_of(folder / "out", "nuclei"), whole.nuclei)


def test_where_pixels_need_no_resizing_tiles_give_the_very_same_cells(tmp_path):
    image = opened(tmp_path / "a.tif", picture())
    segmenter = replace(WATERSHED, work_um=1.0)
    whole = segmenter.segment([image.read(Window(0, 0, 301, 260))])[0]
    segment_large(image, segmenter, {}, LargeOutput(tmp_path / "out", 110))
    assert_same_cells(label_map_of(tmp_path / "out"), whole.cells)


class Threshold:
    """Finds bright connected parts; counts the windows that it sees, and may give up."""

    channels = ("blue",)

    def __init__(self, windows_until_killed: int = 10**6) -> None:
        self.left = windows_until_killed

    def segment(self, fields: list[Field]) -> list[Segmentation]:
        if self.left == 0:
            raise KeyboardInterrupt
        self.left -= 1
        bright = (fields[0].plane("blue") > 60).astype(np.uint8)
        return [Segmentation(cv2.connectedComponents(bright, connectivity=4)[1])]

    def fingerprint(self) -> dict[str, str]:
        return {"segmenter": "threshold"}


def test_a_killed_run_goes_on_and_ends_with_the_same_bytes(tmp_path):
    image = opened(tmp_path / "a.tif", picture())
    output = {name: LargeOutput(tmp_path / name, 96, 32, CellMeasures(8, 1)) for name in ("once", "killed")}
    segment_large(image, Threshold(), {}, output["once"])
    with pytest.raises(KeyboardInterrupt):
        segment_large(image, Threshold(5), {}, output["killed"])
    assert len(list((tmp_path / "killed" / "tiles" / "a").glob("*.part"))) == 5
    part = tmp_path / "killed" / "tiles" / "a" / "000003.part"
    part.write_bytes(part.read_bytes()[:-7])  # as after a power cut
    rest = Threshold()
    segment_large(image, rest, {}, output["killed"])
    assert 10**6 - rest.left == TileGrid(301, 260, 96).tiles - 4
    assert contents(tmp_path / "killed") == contents(tmp_path / "once")


def test_tiles_of_other_settings_are_not_mixed(tmp_path):
    image = opened(tmp_path / "a.tif", picture())
    with pytest.raises(KeyboardInterrupt):
        segment_large(image, Threshold(2), {}, LargeOutput(tmp_path / "out", 96, 32))
    with pytest.raises(InputError, match="other settings"):
        segment_large(image, Threshold(), {}, LargeOutput(tmp_path / "out", 96, 48))


def test_cells_larger_than_the_overlap_are_seen_whole(tmp_path):
    pixels = np.zeros((2, 300, 300), np.uint8)
    cv2.ellipse(pixels[1], (150, 140), (80, 20), 40, 0, 360, 200, -1)
    cv2.circle(pixels[1], (20, 280), 9, 200, -1)
    image = opened(tmp_path / "a.tif", pixels)
    result = segment_large(image, Threshold(), {}, LargeOutput(tmp_path / "out", 64, 24))
    assert (result.cells, result.cut) == (2, 0)
    assert_same_cells(label_map_of(tmp_path / "out"), cv2.connectedComponents(pixels[1])[1])
    result = segment_large(image, Threshold(), {}, LargeOutput(tmp_path / "narrow", 64, 4))
    assert result.cut


def test_what_is_measured_is_what_is_measured_of_one_piece(tmp_path):
    image = opened(tmp_path / "a.tif", picture())
    for name, tile_px in (("tiles", 96), ("one", 400)):
        output = LargeOutput(tmp_path / name, tile_px, measures=CellMeasures(8, 1))
        segment_large(image, Threshold(), {}, output)
    by_place = ["centroid_y_px", "centroid_x_px"]
    tiles, one = (
        pq.read_table(tmp_path / name / "measurements" / "a.parquet").to_pandas().sort_values(by_place)
        for name in ("tiles", "one")
    )
    assert tiles.pop("cell").is_unique
    one.pop("cell")
    np.testing.assert_allclose(tiles.select_dtypes("number"), one.select_dtypes("number"), rtol=1e-5)
    cells = label_map_of(tmp_path / "one")
    assert len(one) == cells.max()


def test_gaps_of_a_sparse_image_are_not_read(tmp_path):
    path = tmp_path / "a.zarr"
    axes = [{"name": axis, "type": "space", "unit": "micrometer"} for axis in "yx"]
    scale = [{"type": "scale", "scale": [1.0, 1.0]}]
    ome = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}]}
    ome["multiscales"][0]["datasets"][0]["coordinateTransformations"] = scale
    group = zarr.create_group(store=str(path), zarr_format=3, attributes={"ome": ome})
    array = group.create_array("0", shape=(5000, 4000), dtype="uint8", chunks=(200, 200))
    array[4200:4400, 1000:1200] = picture()[1][:200, :200]
    images = FolderImages(path, ("blue",), None, None)
    segmenter = Threshold()
    result = segment_large(open_windows(images, "a"), segmenter, {}, LargeOutput(tmp_path / "out", 256, 32))
    assert 10**6 - segmenter.left <= 9
    found = label_map_of(tmp_path / "out")
    assert result.cells == found.max() > 10
    assert found[4200:4400, 1000:1200].any()
    assert not found[:4100].any()
    second = label_map_of(tmp_path / "out", level=1)
    np.testing.assert_array_equal(second, found[::2, ::2])


class Network:
    """A dense network of known weights as a trained one."""

    channels, class_names, digest = ("blue",), (), ""
    spec = PlaneSpec(pixel_um=1.6, by_percentile=True, low_percentile=1.0, high_percentile=99.0)

    def __init__(self) -> None:
        dense = Dense()
        dense.target = ForegroundTarget(0.5, 5)
        self._predictor = PixelPredictor(dense, torch.device("cpu"), "fp32", 64, 16, 4, is_thrifty=True)

    def predict(self, planes):
        return self._predictor.predict(planes)

    def windows(self, read, height, width):
        return self._predictor.windows(read, height, width)


@pytest.mark.parametrize("enlarge", [1.0, 1.3])
def test_a_network_finds_the_cells_of_one_piece(enlarge, tmp_path):
    image = opened(tmp_path / "a.tif", picture())
    segmenter = NetworkSegmenter("run", Network(), None, enlarge)
    whole = segmenter.segment([image.read(Window(0, 0, 301, 260))])[0]
    result = segment_large(image, segmenter, {}, LargeOutput(tmp_path / "out", 96, 48))
    assert result.is_exact
    assert result.cells == whole.cells.max() > 20
    assert_same_cells(label_map_of(tmp_path / "out"), whole.cells)


def test_logits_of_windows_are_those_of_the_whole():
    planes = np.random.default_rng(1).random((1, 150, 210), np.float32)
    predictor = PixelPredictor(Dense(), torch.device("cpu"), "fp32", 64, 20, 4)
    windows = predictor.windows(lambda window: planes[:, *window.slices], 150, 210)
    assert windows is not None
    whole = predictor.logits(planes)
    for window in (Window(0, 0, 150, 210), Window(3, 70, 80, 71), Window(100, 100, 150, 210)):
        np.testing.assert_allclose(windows.logits(window), whole[:, *window.slices], atol=1e-6)


def test_thresholds_are_those_of_the_whole(tmp_path):
    image = opened(tmp_path / "a.tif", picture())
    found = windows_of(WATERSHED, image, 70).levels
    planes = {
        name: WATERSHED._flattened(plane, WATERSHED.work_size((301, 260), 1.0)[0], 1.3)
        for name, plane in zip(("red", "blue"), picture(), strict=True)
    }
    expected = WATERSHED._levels(planes, 1.3)
    np.testing.assert_allclose(
        [found.nucleus, *found.tops, found.cell], [expected.nucleus, *expected.tops, expected.cell], rtol=1e-3
    )


def test_the_command_tiles_one_image(tmp_path, capsys, monkeypatch):
    opened(tmp_path / "a.tif", picture())
    words = ["--channels", "red,blue", "--pixel-um", "1", "segmenter.reach_um=8.0", "--measure"]
    assert main(["segment", str(tmp_path / "a.tif"), str(tmp_path / "out"), "--tile", "128", *words]) == 0
    shown = capsys.readouterr().out
    assert all(words in shown for words in ("tiles of 48×64 px", "tiles of 128 px"))
    metadata = json.loads((tmp_path / "out" / "a.zarr" / "labels" / "cells" / "zarr.json").read_text())
    assert "image-label" in metadata["attributes"]["ome"]
    assert not (tmp_path / "out" / "tiles" / "a").exists()
    assert main(["segment", str(tmp_path / "a.tif"), str(tmp_path / "out"), "--tile", "128", *words]) == 0
    assert "kept" in capsys.readouterr().out
    monkeypatch.setenv("HPA_MAX_PIXELS", "100000")  # fewer than the image has, enough for a window
    small = ["--tile", "64", "--overlap", "16"]
    assert main(["segment", str(tmp_path / "a.tif"), str(tmp_path / "large"), *small, *words]) == 0
    assert "tiles of 64 px" in capsys.readouterr().out


def test_what_cannot_be_done_is_answered_in_words(tmp_path, capsys, monkeypatch):
    opened(tmp_path / "a.tif", picture())
    words = ["--channels", "red,blue", "--pixel-um", "1"]
    assert main(["segment", str(tmp_path / "a.tif"), str(tmp_path), "--tile", "128", *words]) == 1
    assert "is the folder of the images" in capsys.readouterr().out
    assert main(["segment", str(tmp_path / "a.tif"), str(tmp_path / "out"), "--tile", "8", *words]) != 0
    monkeypatch.setenv("HPA_MAX_PIXELS", "100000")
    assert main(["segment", str(tmp_path / "a.tif"), str(tmp_path / "out"), *words[:2]]) != 0
    assert "give --pixel-um" in "".join(capsys.readouterr())
