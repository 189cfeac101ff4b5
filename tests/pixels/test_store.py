"""Prepared images are read as they were written, or named and made anew."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hpa.core.artifacts import ArtifactCache
from hpa.core.errors import DataError
from hpa.core.planes import PlaneSpec
from hpa.core.sealed_file import DamagedFileError
from hpa.core.whole_file import WriteError
from hpa.pixels.store import PixelStore
from hpa.sources.instance_folder import InstanceFolder
from tests.discs import write_discs
from tests.pixels.test_tiles import PlainTarget

PARTS = ("planes", "label_map", "classes", "targets")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return InstanceFolder(write_discs(tmp_path_factory.mktemp("discs"), 3), ("grey",), None, {}, "disc")


def prepared(source, cache) -> PixelStore:
    store = PixelStore(ArtifactCache(cache), PlaneSpec(None, True, 1.0, 99.8), ["grey"], PlainTarget(), {})
    store.prepare(source, source.table("train"), "train", source.instances, 2, lambda done, total: None)
    return store


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_bit_is_never_read_as_a_number(source, tmp_path, data):
    ids = source.table("train").image_ids
    before = [prepared(source, tmp_path).read(image_id) for image_id in ids]
    arrays = [[np.array(getattr(image, part)) for part in PARTS] for image in before]
    del before
    path = data.draw(st.sampled_from(sorted(tmp_path.rglob("*.npy"))))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    with pytest.raises(DamagedFileError) as caught:
        _ = [prepared(source, tmp_path).read(image_id) for image_id in ids]
    assert str(path) in str(caught.value)
    again = prepared(source, tmp_path)
    for image_id, expected in zip(ids, arrays, strict=True):
        read = again.read(image_id)
        assert all(np.array_equal(getattr(read, part), array) for part, array in zip(PARTS, expected, strict=True))


def test_soft_targets_are_verified_too(source, tmp_path):
    image_id = source.table("train").image_ids[0]
    store = prepared(source, tmp_path)
    store.add_soft_targets(image_id, np.full((8, 8), 0.5, np.float32))
    assert np.all(store.read(image_id).soft_targets == 128)
    (path,) = tmp_path.rglob("*soft_targets*")
    path.write_bytes(path.read_bytes()[:-1])
    store = prepared(source, tmp_path)
    store.add_soft_targets(image_id, np.full((8, 8), 0.5, np.float32))
    with pytest.raises(DamagedFileError, match="soft_targets"):
        store.read(image_id)


def test_an_image_that_is_replaced_while_it_is_read_is_named(source, tmp_path):
    class Replacing(InstanceFolder):
        reads = 0

        def identity(self, image_id, split):
            return f"{super().identity(image_id, split)} {self.reads}"

        def read(self, image_id, split):
            self.reads += 1
            return super().read(image_id, split)

    replacing = Replacing(source.root, ("grey",), None, {}, "disc")
    with pytest.raises(DataError, match="replaced"):
        prepared(replacing, tmp_path)
    assert not list(tmp_path.rglob("*.npy"))


def test_a_file_in_the_place_of_the_cache_is_named_at_once(source, tmp_path):
    (tmp_path / "cache").write_text("no folder")
    with pytest.raises(WriteError, match="cache is in its way"):
        prepared(source, tmp_path / "cache")
