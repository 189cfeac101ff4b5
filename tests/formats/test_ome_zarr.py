import json

import numpy as np
import pytest

from hpa.core.errors import InputError
from hpa.formats.image_header import StackChoice
from hpa.formats.images import inspect_image, read_image
from tests.formats.microscope_writers import plane, zarr_image

pytest.importorskip("zarr", reason='needs pip install "hpa-cells[zarr]"')

TWO = np.stack([plane(0), plane(1)])


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_both_versions_are_read_with_names_and_sizes(tmp_path, version):
    omero = {"channels": [{"label": "DAPI"}, {"label": "GFP"}]}
    path = zarr_image(tmp_path / "a.ome.zarr", TWO, "cyx", version, omero=omero)
    image = read_image(path)
    assert np.array_equal(image.planes, TWO)
    assert image.names == ("DAPI", "GFP")
    assert image.pixel_um == pytest.approx(0.5)
    assert inspect_image(path).format == f"OME-Zarr {version}"


def test_a_plate_has_a_scene_for_every_field(tmp_path):
    import zarr

    plate = zarr.create_group(str(tmp_path / "p.zarr"), zarr_format=2)
    plate.attrs["plate"] = {"wells": [{"path": "A/1"}, {"path": "B/2"}]}
    for number, well in enumerate(("A/1", "B/2")):
        plate.create_group(well).attrs["well"] = {"images": [{"path": "0"}]}
        zarr_image(tmp_path / "p.zarr" / well / "0", TWO + number, "cyx")
    header = inspect_image(tmp_path / "p.zarr")
    assert [scene.name for scene in header.scenes] == ["A/1/0", "B/2/0"]
    assert np.array_equal(read_image(tmp_path / "p.zarr", StackChoice.of(scene=2)).planes, TWO + 1)


def test_a_codec_that_could_run_code_is_refused(tmp_path):
    path = zarr_image(tmp_path / "a.zarr", TWO, "cyx")
    metadata = json.loads((path / "0" / ".zarray").read_text())
    for change, found in (({"compressor": {"id": "pickle"}}, "pickle"), ({"filters": [{"id": "pickle"}]}, "filters")):
        (path / "0" / ".zarray").write_text(json.dumps(metadata | change))
        with pytest.raises(InputError, match=f"is stored with {found}"):
            read_image(path)


def test_an_array_of_a_hundred_million_chunks_is_refused_before_they_are_looked_for(tmp_path):
    path = zarr_image(tmp_path / "a.zarr", TWO, "cyx")
    metadata = json.loads((path / "0" / ".zarray").read_text())
    wrong = {"shape": [1, 10_000, 10_000], "chunks": [1, 1, 1]}
    (path / "0" / ".zarray").write_text(json.dumps(metadata | wrong))
    with pytest.raises(InputError, match=r"a\.zarr: 100,000,000 chunks of 1×1 px would be read, .* save it again"):
        read_image(path)


def test_metadata_cannot_lead_out_of_the_folder(tmp_path):
    zarr_image(tmp_path / "secret.zarr", TWO, "cyx")
    path = zarr_image(tmp_path / "a.zarr", TWO, "cyx")
    attributes = json.loads((path / ".zattrs").read_text())
    attributes["multiscales"][0]["datasets"][0]["path"] = "../secret.zarr/0"
    (path / ".zattrs").write_text(json.dumps(attributes))
    with pytest.raises(InputError, match="outside the image"):
        read_image(path)


def test_folders_that_are_no_image_and_damaged_ones_are_named(tmp_path):
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(InputError, match="is no OME-Zarr image"):
        read_image(tmp_path / "empty.zarr")
    path = zarr_image(tmp_path / "a.zarr", TWO, "cyx")
    (path / "0" / "0.0.0").write_bytes(b"damaged")
    with pytest.raises(InputError, match="cannot be read"):
        read_image(path)
    (path / ".zattrs").write_text("{")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        read_image(path)
