import numpy as np
import pytest
import tifffile

from hpa.data.label_map_files import read_label_map, read_segmentation
from hpa.inference.exports.label_maps import SUFFIX, LabelMapsExport


def test_every_image_has_its_map_under_its_name(export, records):
    folder = export(LabelMapsExport(), records[:3], records[3:]).with_suffix(SUFFIX)
    assert sorted(path.name for path in folder.iterdir()) == ["a.tif", "b.tif", "c.tif", "none.tif"]
    for record in records:
        found = read_label_map(folder / f"{record.segmented.field.image_id}.tif")
        np.testing.assert_array_equal(found, record.segmented.segmentation.cells)


def test_cells_and_nuclei_are_channels_with_the_size_of_a_pixel(export, ring):
    path = export(LabelMapsExport(), [ring]).with_suffix(SUFFIX) / "ring.tif"
    found = read_segmentation(path)
    np.testing.assert_array_equal(found.nuclei, ring.segmented.segmentation.nuclei)
    with tifffile.TiffFile(path) as tiff:
        page, series = tiff.pages[0], tiff.series[0]
        assert (series.axes, series.shape) == ("CYX", (2, 10, 12))
        assert page.compression.name == "ADOBE_DEFLATE"
        pixels_per_cm = page.tags["XResolution"].value
        assert page.tags["ResolutionUnit"].value == 3
        assert tiff.ome_metadata.count("Name=") >= 2
        assert 'PhysicalSizeX="0.5"' in tiff.ome_metadata
        assert 'PhysicalSizeXUnit="µm"' in tiff.ome_metadata
    assert 1e4 * pixels_per_cm[1] / pixels_per_cm[0] == pytest.approx(0.5)


def test_more_cells_than_16_bit_hold_keep_their_numbers(export, ring):
    ring.segmented.segmentation.cells[8, 10] = 70_000
    path = export(LabelMapsExport(), [ring]).with_suffix(SUFFIX) / "ring.tif"
    assert read_label_map(path).max() == 70_000


def test_an_older_folder_is_replaced_whole_and_joining_can_be_repeated(export, records, tmp_path):
    export(LabelMapsExport(), records)
    (tmp_path / f".submission{SUFFIX}.part").mkdir()  # as a killed run leaves it
    out = export(LabelMapsExport(), records[:1])
    LabelMapsExport().join([tmp_path / "parts" / "block_00000"], out)
    assert [path.name for path in out.with_suffix(SUFFIX).iterdir()] == ["b.tif"]


def test_the_same_maps_give_the_same_bytes(export, records):
    path = export(LabelMapsExport(), records).with_suffix(SUFFIX) / "c.tif"
    before = path.read_bytes()
    assert (export(LabelMapsExport(), records).with_suffix(SUFFIX) / "c.tif").read_bytes() == before
