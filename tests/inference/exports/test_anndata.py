import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("anndata", reason="needs the extra anndata: pip install 'hpa-cells[anndata]'")

import anndata
import h5py

from hpa.core.errors import InputError
from hpa.inference.exports import cell_parts
from hpa.inference.exports.anndata import SUFFIX, AnndataExport
from hpa.inference.exports.cells import SUFFIX as CELLS_SUFFIX
from hpa.inference.exports.cells import CellsExport
from tests.inference.exports.conftest import CLASS_NAMES, record_of

READ_ALONE = """
import sys
import anndata
cells = anndata.read_h5ad(sys.argv[1])
golgi = cells[cells.obs["Golgi apparatus"] > 0.5]
one_image = cells[cells.obs["image"] == "b"]
print(cells.shape, golgi.n_obs, one_image.obs_names[0], cells.obsm["spatial"].shape, list(cells.uns["class_names"]))
print("hpa" in sys.modules)
"""


@pytest.fixture
def path(export, records):
    return export(AnndataExport(CLASS_NAMES), records[:2], [], records[2:]).with_suffix(SUFFIX)


def test_features_table_and_places_agree(path, records, export):
    cells = anndata.read_h5ad(path)
    features = np.vstack([record.prediction.features for record in records])
    np.testing.assert_array_equal(cells.X, features)
    assert cells.X.dtype == np.float32
    assert cells.var_names.tolist() == ["f_000", "f_001", "f_002", "f_003", "f_004"]
    table = pd.read_parquet(export(CellsExport(CLASS_NAMES), records).with_suffix(CELLS_SUFFIX))
    told = table.loc[:, ~table.columns.str.startswith("f_")]
    pd.testing.assert_frame_equal(
        cells.obs.reset_index(drop=True), told, check_dtype=False, check_categorical=False, check_column_type=False
    )
    assert cells.obs_names[:2].tolist() == ["b_1", "b_2"]
    assert cells.obs_names.is_unique
    assert list(cells.uns["class_names"]) == list(CLASS_NAMES)


def test_images_are_categories_and_places_are_x_before_y_in_um(export, ring):
    cells = anndata.read_h5ad(export(AnndataExport(CLASS_NAMES), [ring]).with_suffix(SUFFIX))
    assert cells.obs["image"].dtype == "category"
    np.testing.assert_allclose(cells.obsm["spatial"][1], [10 * 0.5, 8 * 0.5])


@pytest.mark.slow
def test_a_fresh_process_reads_it_without_this_package(path, records):
    done = subprocess.run([sys.executable, "-c", READ_ALONE, str(path)], capture_output=True, text=True, check=True)
    golgi = sum(int((record.prediction.probabilities[:, 1] > 0.5).sum()) for record in records)
    assert done.stdout.splitlines() == [f"(47, 5) {golgi} b_1 (47, 2) {list(CLASS_NAMES)}", "False"]


# anndata 0.12 sets an option that pandas 3 no longer needs
@pytest.mark.filterwarnings("ignore:The 'mode.chained_assignment' option is deprecated")
def test_it_can_be_opened_without_loading_the_features(path):
    cells = anndata.read_h5ad(path, backed="r")
    assert cells.isbacked
    assert cells[3:5].X.shape == (2, 5)
    cells.file.close()


def test_how_the_work_is_cut_does_not_show(path, export, records, monkeypatch):
    whole = path.read_bytes()
    monkeypatch.setattr(cell_parts, "CELLS_AT_ONCE", 7)
    assert export(AnndataExport(CLASS_NAMES), *[[record] for record in records]).with_suffix(SUFFIX).is_file()
    assert path.read_bytes() == whole


def test_a_block_with_fewer_members_has_no_features(export, records, make_field):
    fewer = record_of(make_field("fewer", 3), feature_count=2)
    cells = anndata.read_h5ad(export(AnndataExport(CLASS_NAMES), [fewer], records).with_suffix(SUFFIX))
    assert np.isnan(cells.X[:3]).all()
    assert np.isfinite(cells.X[3:]).all()


@pytest.mark.parametrize("image", [1, None])
def test_no_cell_at_all_gives_a_file_with_its_columns(export, records, image):
    blocks = [] if image is None else [records[image]]
    path = export(AnndataExport(CLASS_NAMES), blocks).with_suffix(SUFFIX)
    cells = anndata.read_h5ad(path)
    assert cells.shape == (0, 0 if image is None else 5)
    assert "Golgi apparatus" in cells.obs


def test_an_older_file_stays_when_joining_fails(path, tmp_path):
    whole = path.read_bytes()
    (tmp_path / "parts" / "block_00000.h5ad.parquet").write_bytes(b"torn")
    with pytest.raises(Exception, match="Parquet"):
        AnndataExport(CLASS_NAMES).join([tmp_path / "parts" / "block_00000"], tmp_path / "submission.csv")
    assert path.read_bytes() == whole
    assert not list(tmp_path.glob(".*"))


def test_a_class_that_hdf5_cannot_name_is_refused():
    with pytest.raises(InputError, match="ER/Golgi"):
        AnndataExport(("ER/Golgi", "Nucleoli"))


def test_the_matrix_is_marked_as_the_format_requires(path):
    with h5py.File(path) as file:
        assert dict(file["X"].attrs) == {"encoding-type": "array", "encoding-version": "0.2.0"}
