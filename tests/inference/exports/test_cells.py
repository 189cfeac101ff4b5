import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from skimage.measure import regionprops_table

from hpa.core.errors import InputError
from hpa.core.label_map import boxes_of, relabel
from hpa.inference.exports import cell_parts
from hpa.inference.exports.cell_places import centroids_of
from hpa.inference.exports.cells import SUFFIX, CellsExport
from hpa.measurements.cells import CellMeasures
from tests.core.random_label_maps import label_maps
from tests.inference.exports.conftest import CLASS_NAMES, record_of


def table_of(out):
    return pd.read_parquet(out.with_suffix(SUFFIX))


def test_every_cell_has_its_row_in_the_order_of_the_submission(export, records):
    table = table_of(export(CellsExport(CLASS_NAMES), records[:2], records[2:]))
    assert table["image"].tolist() == ["b"] * 6 + ["a"] + ["c"] * 40
    assert table["cell"].tolist() == [*range(1, 7), 1, *range(1, 41)]
    probabilities = np.vstack([record.prediction.probabilities for record in records])
    np.testing.assert_array_equal(table[list(CLASS_NAMES)], probabilities)
    np.testing.assert_array_equal(table.filter(like="confidence_"), probabilities / 2)
    np.testing.assert_array_equal(table.filter(regex="^f_"), np.vstack([r.prediction.features for r in records]))
    assert [name for name in table if name.startswith("f_")] == ["f_000", "f_001", "f_002", "f_003", "f_004"]


def test_measures_are_those_of_scikit_image(export, records):
    table = table_of(export(CellsExport(CLASS_NAMES), records))
    for record in records:
        name, cells = record.segmented.field.image_id, record.segmented.segmentation.cells
        own = table[table["image"] == name]
        expected = regionprops_table(cells, properties=("bbox", "area", "centroid"))
        columns = ["top_px", "left_px", "bottom_px", "right_px", "area_px", "centroid_y_px", "centroid_x_px"]
        np.testing.assert_allclose(own[columns].to_numpy().T, list(expected.values()), rtol=1e-12)


def test_units_edge_and_hole_are_right_by_hand(export, ring):
    table = table_of(export(CellsExport(CLASS_NAMES), [ring]))
    assert table["area_px"].tolist() == [32, 1]
    assert table["area_um2"].tolist() == [8.0, 0.25]
    assert table["touches_edge"].tolist() == [True, False]
    assert table["pixel_um"].tolist() == [0.5, 0.5]
    assert table.loc[1, ["centroid_y_px", "centroid_x_px"]].tolist() == [8, 10]


@given(label_maps().map(relabel))
def test_centroids_are_the_mean_place_of_the_pixels(cells):
    expected = [np.argwhere(cells == number).mean(axis=0) for number in range(1, cells.max(initial=0) + 1)]
    np.testing.assert_allclose(centroids_of(cells, boxes_of(cells)), np.array(expected).reshape(-1, 2))


def test_how_the_work_is_cut_does_not_show(export, records, monkeypatch):
    whole = table_of(export(CellsExport(CLASS_NAMES), records))
    monkeypatch.setattr(cell_parts, "CELLS_AT_ONCE", 3)
    out = export(CellsExport(CLASS_NAMES), records[:1], [], records[1:3], records[3:])
    pd.testing.assert_frame_equal(table_of(out), whole)
    assert max(group_sizes(out)) < 2 * 3


def test_row_groups_reach_over_blocks(export, records):
    out = export(CellsExport(CLASS_NAMES), *[[record] for record in records])
    assert group_sizes(out) == [47]


def group_sizes(out):
    metadata = pq.read_metadata(out.with_suffix(SUFFIX))
    return [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]


def test_a_block_that_is_begun_again_starts_from_nothing(tmp_path, records):
    sink, block = CellsExport(CLASS_NAMES), tmp_path / "block_00000"
    sink.start(block)
    sink.add(records[0])
    sink.finish()
    sink.start(block)
    sink.add(records[2])
    sink.finish()
    sink.join([block], tmp_path / "out.csv")
    assert table_of(tmp_path / "out.csv")["image"].tolist() == ["a"]


def test_a_block_with_fewer_members_has_no_features(export, records, make_field):
    fewer = record_of(make_field("fewer", 3), feature_count=2)
    table = table_of(export(CellsExport(CLASS_NAMES), [fewer], records))
    features = table.filter(regex="^f_")
    assert features.shape == (50, 5)
    assert features[:3].isna().all(axis=None)
    assert features[3:].notna().all(axis=None)
    assert table[list(CLASS_NAMES)].notna().all(axis=None)


def test_no_cell_at_all_gives_an_empty_table_with_its_columns(export, records):
    table = table_of(export(CellsExport(CLASS_NAMES), [records[1]]))
    assert len(table) == 0
    assert {"image", "Nucleoplasm", "f_004"} <= set(table)
    assert len(table_of(export(CellsExport(CLASS_NAMES), [], []))) == 0


def test_measurements_stand_between_places_and_classes(export, records):
    measures = CellMeasures(8, 1)
    sink = CellsExport(CLASS_NAMES, measures)
    table = table_of(export(sink, records[:2], [], records[2:]))
    names = measures.names(records[0].segmented.field.channels)
    first = table.columns.get_loc("pixel_um") + 1
    assert tuple(table.columns[first : first + len(names) + 1]) == (*names, CLASS_NAMES[0])
    of_c = measures.measure(records[3].segmented.field, records[3].segmented.segmentation)
    own = table[table["image"] == "c"]
    for name, values in of_c.items():
        np.testing.assert_array_equal(own[name], values.astype(np.float32))
    plain = table_of(export(CellsExport(CLASS_NAMES), records[:2], [], records[2:]))
    pd.testing.assert_frame_equal(table.drop(columns=list(names)), plain)
    assert "solidity" in table_of(export(sink, [], []))


def test_a_class_named_as_a_measurement_is_refused(export, records):
    with pytest.raises(InputError, match="solidity would stand there twice"):
        export(CellsExport(("solidity", "b", "c"), CellMeasures(8, 1)), records)


@pytest.mark.parametrize("names", [("cell", "Nucleoli"), ("Nucleoli", "Nucleoli"), ("a", "confidence_a")])
def test_classes_that_would_hide_a_column_are_refused(names):
    with pytest.raises(InputError, match="would stand there twice"):
        CellsExport(names)
