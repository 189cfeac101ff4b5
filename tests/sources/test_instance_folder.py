import cv2
import numpy as np
import pytest

from hpa.core.errors import DataError, InputError
from hpa.sources.instance_folder import InstanceFolder
from tests.discs import discs, write_discs


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_discs(tmp_path_factory.mktemp("discs"), 6)


def opened(folder, where=None, channels=("grey",)):
    return InstanceFolder(folder, channels, None, where or {}, "disc")


def test_images_and_instances_are_read_as_written(folder):
    source = opened(folder)
    table = source.table("train").require_usable()
    assert list(table.frame["kind"]) == ["fluorescence", "fluorescence", "colour"] * 2
    picture, label_map = discs(64, 8, 0)
    np.testing.assert_array_equal(source.read("disc_00", "train").plane("grey"), picture)
    instances = source.instances("disc_00")
    np.testing.assert_array_equal(instances.label_map, label_map)
    assert len(instances.classes) == label_map.max()


def test_where_keeps_the_rows_that_are_asked_for(folder):
    assert opened(folder, {"kind": ["colour"]}).table("train").image_ids == ["disc_02", "disc_05"]
    with pytest.raises(InputError, match="no row"):
        opened(folder, {"kind": ["grey"]})
    with pytest.raises(InputError, match="no such column"):
        opened(folder, {"organ": ["lung"]})


def test_without_an_index_all_images_are_listed(folder, tmp_path):
    (tmp_path / "images").symlink_to(folder / "images")
    (tmp_path / "labels").symlink_to(folder / "labels")
    assert len(opened(tmp_path).table("train")) == 6
    with pytest.raises(InputError, match=r"index\.csv"):
        opened(tmp_path, {"kind": ["fluorescence"]})


def test_all_problems_are_named_at_once(tmp_path):
    write_discs(tmp_path, 4)
    (tmp_path / "labels" / "disc_00.png").unlink()
    (tmp_path / "images" / "disc_01.png").write_bytes(b"no picture")
    cv2.imwrite(str(tmp_path / "labels" / "disc_02.png"), np.zeros((8, 8), np.uint16))
    with pytest.raises(DataError) as error:
        opened(tmp_path).table("train").require_usable()
    for name in ("disc_00", "disc_01", "disc_02"):
        assert name in str(error.value)


def test_another_layout_is_refused(tmp_path):
    with pytest.raises(InputError, match="images/"):
        opened(tmp_path)


@pytest.mark.slow
def test_the_real_nuclei_are_read_whole(samples):
    source = InstanceFolder(samples / "dsb2018", ("grey",), None, {}, "nucleus")
    table = source.table("train").require_usable()
    assert len(table) == 536
    counts = [len(source.instances(image_id).classes) for image_id in table.image_ids]
    assert sum(counts) == 23328 - sum(table.frame["empty_masks"].astype(int)) or sum(counts) == sum(
        table.frame["n_instances"].astype(int)
    )
