import numpy as np
import pytest
import tifffile

from hpa.formats.label_maps import read_label_map
from hpa.inference.exports.label_maps import SUFFIX, LabelMapsExport
from hpa.segmenters.stored import Stored


def test_every_image_has_its_map_under_its_name(export, records):
    folder = export(LabelMapsExport(), records[:3], [], records[3:]).with_suffix(SUFFIX) / "cells"
    assert sorted(path.name for path in folder.iterdir()) == ["a.tif", "b.tif", "c.tif", "none.tif"]
    assert [path.name for path in folder.parent.iterdir()] == ["cells"]
    for record in records:
        found = read_label_map(folder / f"{record.segmented.field.image_id}.tif")
        np.testing.assert_array_equal(found, record.segmented.segmentation.cells)


def test_the_next_run_can_take_them_for_its_segmenter(export, records):
    stored = Stored(export(LabelMapsExport(), records).with_suffix(SUFFIX) / "cells")
    for record in records:
        [found] = stored.segment([record.segmented.field])
        np.testing.assert_array_equal(found.cells, record.segmented.segmentation.cells)


def test_nuclei_stand_beside_the_cells_with_the_size_of_a_pixel(export, ring):
    path = export(LabelMapsExport(), [ring]).with_suffix(SUFFIX) / "nuclei" / "ring.tif"
    np.testing.assert_array_equal(read_label_map(path), ring.segmented.segmentation.nuclei)
    with tifffile.TiffFile(path) as tiff:
        page, series = tiff.pages[0], tiff.series[0]
        assert (series.axes, series.shape) == ("YX", (10, 12))
        assert page.compression.name == "ADOBE_DEFLATE"
        pixels, centimetres = page.tags["XResolution"].value
        assert page.tags["ResolutionUnit"].value == 3
        assert 'PhysicalSizeX="0.5"' in tiff.ome_metadata
        assert 'PhysicalSizeXUnit="µm"' in tiff.ome_metadata
    assert 1e4 * centimetres / pixels == pytest.approx(0.5)


def test_more_cells_than_16_bit_hold_keep_their_numbers(export, ring):
    ring.segmented.segmentation.cells[8, 10] = 70_000
    path = export(LabelMapsExport(), [ring]).with_suffix(SUFFIX) / "cells" / "ring.tif"
    assert read_label_map(path).max() == 70_000


def test_an_older_folder_is_replaced_whole_and_joining_can_be_repeated(export, records, tmp_path):
    export(LabelMapsExport(), records)
    (tmp_path / f".submission{SUFFIX}.part").mkdir()  # as a killed run leaves it
    out = export(LabelMapsExport(), records[:1])
    LabelMapsExport().join([tmp_path / "parts" / "block_00000"], out)
    assert [path.name for path in out.with_suffix(SUFFIX).rglob("*.tif")] == ["b.tif"]


def test_the_same_maps_give_the_same_bytes(export, records):
    path = export(LabelMapsExport(), records).with_suffix(SUFFIX) / "cells" / "c.tif"
    before = path.read_bytes()
    assert (export(LabelMapsExport(), records).with_suffix(SUFFIX) / "cells" / "c.tif").read_bytes() == before
