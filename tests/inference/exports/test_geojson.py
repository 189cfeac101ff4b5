import json

import numpy as np
import pytest
import shapely

from hpa.cli import main
from hpa.core.label_map import relabel
from hpa.formats.geojson_file import SUFFIX, label_map_of, read_cells
from hpa.formats.label_maps import read_label_map, write_label_map
from hpa.inference.exports.geojson import GeojsonExport
from tests.inference.exports.conftest import CLASS_NAMES


@pytest.fixture
def folder(export, records):
    return export(GeojsonExport(CLASS_NAMES), records[:2], [], records[2:]).with_suffix(SUFFIX)


def test_every_image_has_a_file_whose_cells_are_those_of_the_label_map(folder, records):
    assert sorted(path.name for path in folder.iterdir()) == ["a.geojson", "b.geojson", "c.geojson", "none.geojson"]
    for record in records:
        cells = record.segmented.segmentation.cells
        found = read_cells(folder / f"{record.segmented.field.image_id}.geojson")
        label_map, names, shared_px = label_map_of(found, *cells.shape)
        np.testing.assert_array_equal(label_map, cells)
        assert names == [CLASS_NAMES[best] for best in record.confidences.argmax(axis=1)]
        assert shared_px == 0


def test_another_reader_finds_the_same_areas(folder, records):
    """GEOS, on which the readers of QuPath (JTS) and geopandas are modelled."""
    collection = shapely.from_geojson((folder / "c.geojson").read_text())
    areas = np.bincount(records[3].segmented.segmentation.cells.ravel())[1:]
    assert [part.area for part in collection.geoms] == areas.tolist()
    assert all(part.is_valid for part in collection.geoms)


def test_a_cell_has_class_colour_measurements_and_nucleus(export, ring):
    path = export(GeojsonExport(CLASS_NAMES), [ring]).with_suffix(SUFFIX) / "ring.geojson"
    first, second = json.loads(path.read_text())["features"]
    assert len(first["geometry"]["coordinates"]) == 2  # the ring has a hole
    assert "nucleusGeometry" not in first
    assert second["nucleusGeometry"] == second["geometry"]
    properties = first["properties"]
    assert properties["objectType"] == "cell"
    assert properties["classification"]["name"] in CLASS_NAMES
    assert all(0 <= value <= 255 for value in properties["classification"]["color"])
    assert properties["measurements"]["Cell: Area µm^2"] == 32 * 0.25
    shown = [properties["measurements"][f"confidence: {name}"] for name in CLASS_NAMES]
    np.testing.assert_allclose(shown, ring.confidences[0], atol=1e-6)


def test_corrections_come_back_as_label_maps_and_classes(folder, records, tmp_path, capsys):
    path = folder / "b.geojson"
    content = json.loads(path.read_text())
    del content["features"][0]
    content["features"][0]["properties"]["classification"] = {"name": "Cytosol"}
    content["features"].append({"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}})
    drawn = [[2.2, 50.7], [8.9, 50.7], [8.9, 60.1], [2.2, 60.1], [2.2, 50.7]]  # by hand, within no pixel's border
    new = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [drawn]}, "properties": {}}
    content["features"].append(new)
    path.write_text(json.dumps(content["features"]))  # older exports are plain lists
    for name in ("a", "c", "none"):
        (folder / f"{name}.geojson").unlink()
    assert main(["geojson", "load", str(folder), str(tmp_path / "out"), "--size", "96x64"]) == 0
    cells = records[0].segmented.segmentation.cells
    expected = relabel(np.where(cells > 1, cells, 0))
    expected[51:60, 2:9] = 6
    np.testing.assert_array_equal(read_label_map(tmp_path / "out" / "b.tif"), expected)
    rows = (tmp_path / "out" / "classes.csv").read_text().splitlines()
    assert rows[1] == "b,1,Cytosol"
    assert rows[-1] == "b,6,cell"


def test_label_maps_go_out_and_come_back(tmp_path, records, capsys):
    cells = records[3].segmented.segmentation.cells
    write_label_map(tmp_path / "maps" / "c.tif", cells)
    (tmp_path / "classes.csv").write_text("ID,class\nc,Nucleoplasm\n")
    out, back = str(tmp_path / "out"), str(tmp_path / "back")
    words = ["--classes", str(tmp_path / "classes.csv")]
    assert main(["geojson", "export", str(tmp_path / "maps"), out, *words]) == 0
    assert main(["geojson", "load", out, back, "--like", str(tmp_path / "maps")]) == 0
    np.testing.assert_array_equal(read_label_map(tmp_path / "back" / "c.tif"), cells)
    assert (tmp_path / "back" / "classes.csv").read_text().splitlines()[1] == "c,1,Nucleoplasm"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "cannot be read as GeoJSON"),
        ('{"features": 3}', "FeatureCollection or a list"),
        ('[{"geometry": {"type": "Polygon", "coordinates": [[1, 2]]}}]', "object 1 cannot be read"),
        ('[{"geometry": {"type": "Polygon", "coordinates": [[[0,0],[9000,0],[1,1],[0,0]]]}}]', "off the image"),
        ("[3]", "object 1"),
    ],
)
def test_files_that_are_none_are_refused_by_name(tmp_path, capsys, text, words):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.geojson").write_text(text)
    assert main(["geojson", "load", str(tmp_path / "in"), str(tmp_path / "out"), "--size", "64x64"]) == 1
    printed = capsys.readouterr().err
    assert words in printed
    assert printed.count("x.geojson") == 1
