"""Whole images from a real store over fields drawn here, and the batches made of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from hpa.cells.crops import CropSpec
from hpa.cells.dataset import CellDataset
from hpa.cells.fields.spec import FieldSpec, coverage_of, resized_field
from hpa.cells.fields.store import FieldStore
from hpa.cells.sampling.sampler import BatchRequest
from hpa.cells.store import CellStore
from hpa.core.artifacts import ArtifactCache
from hpa.core.errors import DataError, InputError
from hpa.core.field import Field, Segmentation
from hpa.core.image_table import ImageTable
from hpa.core.sealed_file import DamagedFileError

SPEC = FieldSpec(("blue", "green"), side_px=16)
STRIDE = 4
IMAGE_TARGETS = np.eye(3, dtype=np.float32)


def quiet(done: int, total: int) -> None:
    """Take no notice of progress."""


def label_map_of(count: int) -> np.ndarray:
    cells = np.zeros((20, 60), np.int32)
    for cell in range(count):
        cells[4:14, 4 + cell * 15 : 14 + cell * 15] = cell + 1
    return cells


class Drawn:
    """Fields "0", "1", … with so many square cells on noise; reading can be made to fail."""

    channels = ("green", "blue")
    class_names = ("a", "b", "c")
    cell_truth = None

    def __init__(self) -> None:
        self.reads: list[str] = []
        self.torn: set[str] = set()

    def table(self, split):
        raise NotImplementedError

    def read(self, image_id, split):
        self.reads.append(image_id)
        if image_id in self.torn:
            raise InputError("torn")
        pixels = np.random.default_rng(int(image_id)).integers(0, 255, (2, 20, 60), np.uint8)
        return Field(image_id, pixels, self.channels, 0.3)

    def identity(self, image_id, split):
        return image_id


class Squares:
    """Segments the drawn fields exactly."""

    channels = ()

    def segment(self, fields):
        return [Segmentation(label_map_of(int(field.image_id))) for field in fields]

    def fingerprint(self):
        return {"name": "squares"}


@pytest.fixture
def source():
    return Drawn()


@pytest.fixture
def cells(tmp_path, source):
    rows = [
        {"image_id": str(n), "height": 20, "width": 60, "bits": 8, "pixel_um": 0.3, "classes": "0", "source": "drawn",
         "group": str(n), "fold": -1}
        for n in (1, 0, 3)
    ]  # fmt: skip
    table = ImageTable(pd.DataFrame(rows), Drawn.class_names, "drawn")
    crop = CropSpec(("green",), side_px=8, masked=True, margin=0.0)
    stored = CellStore(tmp_path).prepare(source, table, "train", Squares(), crop, 1, quiet)
    source.reads.clear()
    return stored


@pytest.fixture
def prepare(tmp_path, source, cells):
    def make(spec: FieldSpec = SPEC, stride: int = STRIDE):
        return FieldStore(ArtifactCache(tmp_path)).prepare(source, "train", cells, spec, stride, 2, quiet)

    return make


def test_what_is_read_is_the_resized_image(prepare, source):
    fields = prepare()
    resized = resized_field(source.read("3", "train"), SPEC)
    np.testing.assert_allclose(fields.image(2), resized / 255, atol=1e-7)
    wanted = np.array([2, 0, 2])
    assert np.array_equal(fields.coverage(2, wanted), coverage_of(label_map_of(3), SPEC, STRIDE)[wanted])
    assert fields.coverage(1, np.empty(0, np.int64)).shape == (0, 4, 4)


def test_nothing_is_made_twice_and_other_settings_make_other_files(prepare, source):
    prepare()
    assert sorted(source.reads) == ["0", "1", "3"]
    source.reads.clear()
    prepare()
    assert source.reads == []
    prepare(stride=8)
    prepare(FieldSpec(("green",), 16))
    assert len(source.reads) == 6


def test_damaged_files_are_made_anew(prepare, source):
    fields = prepare()
    fields.fields[0].planes.write_bytes(b"torn")
    fields.fields[2].entries.unlink()
    source.reads.clear()
    again = prepare()
    assert sorted(source.reads) == ["1", "3"]
    assert again.image(0).shape == (2, 16, 16)


def test_files_that_go_away_later_are_named(prepare):
    fields = prepare()
    fields.fields[0].planes.unlink()
    with pytest.raises(InputError, match="made anew"):
        fields.image(0)


@pytest.mark.parametrize("part", ["planes", "entries"])
def test_a_flipped_bit_is_an_error_or_made_anew(prepare, part):
    before = prepare()
    image, coverage = before.image(2), before.coverage(2, np.arange(3))
    path = getattr(before.fields[2], part)
    whole = path.read_bytes()
    errors = []
    for place in range(0, len(whole), 5):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        again = prepare()
        try:
            assert np.array_equal(again.image(2), image)
            assert np.array_equal(again.coverage(2, np.arange(3)), coverage)
        except DamagedFileError as error:
            errors.append(str(error))
    assert all(str(path) in error for error in errors)
    assert bool(errors) == (part == "planes")  # the small file of shares is verified when a run starts


def test_an_image_that_was_replaced_after_its_cells_were_stored_is_named(prepare, source):
    source.identity = lambda image_id, split: f"another {image_id}"
    with pytest.raises(DataError, match="3: the image was replaced"):
        prepare()


def test_all_images_that_fail_are_named_and_the_others_kept(prepare, source):
    source.torn = {"0", "3"}
    with pytest.raises(DataError) as caught:
        prepare()
    assert all(f"{name}: torn" in str(caught.value) for name in ("0", "3"))
    source.torn = set()
    source.reads.clear()
    prepare()
    assert sorted(source.reads) == ["0", "3"]


@pytest.fixture
def dataset(prepare, cells):
    return CellDataset(cells, IMAGE_TARGETS, None, None, 0, prepare())


def test_a_batch_holds_each_image_once_and_the_places_of_its_cells(dataset, cells):
    batch = dataset[BatchRequest(0, np.array([3, 0, 1]))]
    assert len(batch) == 3
    assert batch.crops.shape == (3, 1, 0, 0)
    assert batch.image_of_cell.tolist() == [1, 0, 1]
    assert batch.image_targets.tolist() == [[1, 0, 0], [0, 0, 1]]
    assert batch.fields.images.shape == (2, 2, 16, 16)
    expected = coverage_of(label_map_of(3), SPEC, STRIDE)[[2, 0]]
    assert np.array_equal(batch.fields.coverage[[0, 2]].numpy(), expected)
