import logging
import pickle
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hpa.cells.crop_records import table_path
from hpa.cells.crops import CropSpec, crop_cells
from hpa.cells.store import CellStore
from hpa.core.errors import DataError, InputError
from hpa.core.field import Field, Segmentation
from hpa.core.image_table import ImageTable
from hpa.core.sealed_file import DamagedFileError

CHANNELS = ("red", "green", "blue", "yellow")
SPEC = CropSpec(("green", "blue"), side_px=12, masked=True, margin=0.1)


class Source:
    """Fields of npy files in a folder."""

    channels = CHANNELS
    class_names = ("a", "b")
    cell_truth = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def table(self, split: str) -> ImageTable:
        ids = sorted(path.stem for path in self.folder.glob("*.npy"))
        return ImageTable(pd.DataFrame({"image_id": ids, "pixel_um": 0.5}), self.class_names, where=str(self.folder))

    def read(self, image_id: str, split: str) -> Field:
        try:
            pixels = np.load(self.folder / f"{image_id}.npy")
        except ValueError as error:
            raise InputError(f"{image_id}.npy: cannot be read; copy it again.") from error
        return Field(image_id, pixels, CHANNELS, 0.5)

    def identity(self, image_id: str, split: str) -> str:
        status = (self.folder / f"{image_id}.npy").stat()
        return f"{image_id} {status.st_size} {status.st_mtime_ns}"


class Squares:
    """Finds the two squares that every drawn field holds; counts its calls."""

    channels = ("blue",)

    def __init__(self, side: int = 8) -> None:
        self.side = side
        self.calls = 0

    def segment(self, fields: list[Field]) -> list[Segmentation]:
        self.calls += len(fields)
        return [self._segmentation(field) for field in fields]

    def fingerprint(self) -> dict[str, Any]:
        return {"segmenter": "squares", "side": self.side}

    def _segmentation(self, field: Field) -> Segmentation:
        cells = np.zeros(field.pixels.shape[1:], np.int32)
        nuclei = np.zeros_like(cells)
        if field.pixels.any():
            for number, corner in enumerate((0, 20), start=1):
                cells[corner : corner + self.side, corner : corner + self.side] = number
                nuclei[corner + 2 : corner + 4, corner + 2 : corner + 4] = number
        return Segmentation(cells, nuclei)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    folder = tmp_path / "images"
    folder.mkdir()
    random = np.random.default_rng(0)
    for index in range(4):
        depth = np.uint16 if index % 2 else np.uint8
        np.save(
            folder / f"field_{index}.npy", random.integers(1, np.iinfo(depth).max, (4, 40, 50 + index)).astype(depth)
        )
    return Source(folder)


def prepare(
    source: Source, segmenter: Squares, folder: Path, spec: CropSpec = SPEC, workers: int = 2, steps: Any = None
) -> Any:
    done = [] if steps is None else steps
    store = CellStore(folder)
    return store.prepare(
        source, source.table("train"), "train", segmenter, spec, workers, lambda *step: done.append(step)
    )


def test_cells_stand_in_table_order_with_their_measures(source: Source, tmp_path: Path) -> None:
    cells = prepare(source, Squares(), tmp_path / "store").cells
    assert list(cells["image"]) == [0, 0, 1, 1, 2, 2, 3, 3]
    assert list(cells["image_id"][:3]) == ["field_0", "field_0", "field_1"]
    first = cells.iloc[1]
    assert (first["cell"], first["top"], first["left"], first["height"], first["width"]) == (2, 20, 20, 8, 8)
    assert (first["area_px"], first["edge_px"], first["nucleus_px"]) == (64, 0, 4)
    assert cells["edge_px"][0] == 15


def test_crops_equal_those_cut_directly_in_any_order_and_depth(source: Source, tmp_path: Path) -> None:
    segmenter = Squares()
    stored = prepare(source, segmenter, tmp_path / "store")
    rows = np.array([7, 0, 3, 3, 6])
    got = stored.crops(rows)
    for place, row in enumerate(rows):
        field = source.read(str(stored.cells["image_id"][row]), "train")
        (segmentation,) = segmenter.segment([field])
        direct = crop_cells(field, segmentation, SPEC)
        index = stored.cells["cell"][row] - 1
        expected = direct.pixels[index] / np.iinfo(field.pixels.dtype).max
        np.testing.assert_allclose(got.pixels[place], expected, rtol=1e-6)
        np.testing.assert_array_equal(got.regions[place], direct.regions[index])
        np.testing.assert_array_equal(
            stored.segmentation(field.image_id).nuclei, segmentation.nuclei, err_msg="nuclei are kept"
        )


def test_second_run_makes_nothing(source: Source, tmp_path: Path) -> None:
    prepare(source, Squares(), tmp_path / "store")
    again, steps = Squares(), []
    prepare(source, again, tmp_path / "store", steps=steps)
    assert again.calls == 0
    assert steps == []


def test_other_crop_size_cuts_anew_without_segmenting(source: Source, tmp_path: Path) -> None:
    prepare(source, Squares(), tmp_path / "store")
    again, steps = Squares(), []
    stored = prepare(source, again, tmp_path / "store", CropSpec(CHANNELS, 16, False, 0.0), steps=steps)
    assert again.calls == 0
    assert steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert stored.crops(np.array([0])).pixels.shape == (1, 4, 16, 16)


def test_changed_settings_image_or_pixel_size_are_made_anew(source: Source, tmp_path: Path) -> None:
    prepare(source, Squares(), tmp_path / "store")
    other = Squares(side=6)
    assert prepare(source, other, tmp_path / "store").cells["area_px"][0] == 36
    assert other.calls == 4
    np.save(source.folder / "field_2.npy", np.ones((4, 64, 64), np.uint8))
    changed = Squares()
    prepare(source, changed, tmp_path / "store")
    assert changed.calls == 1


def test_changed_file_of_the_segmenter_is_noticed(source: Source, tmp_path: Path) -> None:
    class WithFiles(Squares):
        version = 0

        def fingerprint_of(self, image_id: str) -> dict[str, Any]:
            if image_id == "field_3" and self.version == 2:
                raise InputError("field_3.png is missing")
            return {"version": self.version if image_id == "field_1" else 0}

    segmenter = WithFiles()
    prepare(source, segmenter, tmp_path / "store")
    segmenter.version = 1
    prepare(source, segmenter, tmp_path / "store")
    assert segmenter.calls == 5
    segmenter.version = 2
    with pytest.raises(DataError, match=r"field_3: field_3\.png is missing"):
        prepare(source, segmenter, tmp_path / "store")


def test_unreadable_images_are_all_named_and_the_others_kept(source: Source, tmp_path: Path) -> None:
    for index in (1, 2):
        (source.folder / f"field_{index}.npy").write_bytes(b"rubbish")
    with pytest.raises(DataError) as caught:
        prepare(source, Squares(), tmp_path / "store")
    assert [problem.subject for problem in caught.value.problems] == ["field_1", "field_2"]
    for index in (1, 2):
        np.save(source.folder / f"field_{index}.npy", np.ones((4, 40, 40), np.uint8))
    again = Squares()
    prepare(source, again, tmp_path / "store")
    assert again.calls == 2


def test_images_without_cells_stay_in_the_table_and_are_named(
    source: Source, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    np.save(source.folder / "field_1.npy", np.zeros((4, 40, 40), np.uint8))
    with caplog.at_level(logging.WARNING):
        stored = prepare(source, Squares(), tmp_path / "store")
    assert stored.images_without_cells == ["field_1"]
    assert sorted(set(stored.cells["image"])) == [0, 2, 3]
    assert "field_1" in caplog.text
    assert stored.segmentation("field_1").cells.max() == 0
    with pytest.raises(InputError, match="nowhere"):
        stored.segmentation("nowhere")


@pytest.mark.parametrize("damage", ["cut", "emptied", "removed", "rubbish"])
@pytest.mark.parametrize("which", ["label map", "crops", "table"])
def test_damaged_files_are_made_anew(source: Source, tmp_path: Path, which: str, damage: str) -> None:
    stored = prepare(source, Squares(), tmp_path / "store")
    rows = np.arange(len(stored))
    whole = stored.crops(rows)
    image = stored.images[1]
    path = {"label map": image.label_map, "crops": image.crops, "table": table_path(image.crops)}[which]
    content = path.read_bytes()
    if damage == "removed":
        path.unlink()
    else:
        path.write_bytes({"cut": content[:-20], "emptied": b"", "rubbish": b"\x93NUMPY" + bytes(50)}[damage])
    if which == "label map":
        image.crops.unlink(missing_ok=True)  # a whole label map is needed only where crops are to be made
    again = prepare(source, Squares(), tmp_path / "store")
    np.testing.assert_array_equal(again.crops(rows).pixels, whole.pixels)
    assert again.segmentation("field_1").cells.max() == 2


def test_file_cut_while_in_use_is_an_input_error(source: Source, tmp_path: Path) -> None:
    stored = prepare(source, Squares(), tmp_path / "store")
    stored.images[0].crops.write_bytes(b"")
    with pytest.raises(InputError, match="run the same command again"):
        stored.crops(np.array([1]))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_bit_is_never_read_as_a_number(source: Source, tmp_path: Path, data: st.DataObject) -> None:
    stored = prepare(source, Squares(), tmp_path / "store")
    rows = np.arange(len(stored))
    crops, maps = stored.crops(rows), [stored.segmentation(image.image_id) for image in stored.images]
    path = data.draw(st.sampled_from(sorted((tmp_path / "store").rglob("*.*"))))
    content = bytearray(path.read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    errors = []
    for _ in range(3):  # a start of a run each: what it finds damaged is deleted and made anew at the next
        try:
            again = prepare(source, Squares(), tmp_path / "store")
            read = again.crops(rows)
            read_maps = [again.segmentation(image.image_id) for image in again.images]
        except DamagedFileError as error:
            errors.append(str(error))
            continue
        np.testing.assert_array_equal(read.pixels, crops.pixels)
        np.testing.assert_array_equal(read.regions, crops.regions)
        for one, other in zip(read_maps, maps, strict=True):
            np.testing.assert_array_equal(one.cells, other.cells)
            np.testing.assert_array_equal(one.nuclei, other.nuclei)
    assert len(errors) <= 1
    assert all(str(path) in error for error in errors)


def test_an_image_that_is_replaced_while_it_is_read_is_named_and_not_stored(source: Source, tmp_path: Path) -> None:
    class Replacing(Source):
        def read(self, image_id: str, split: str) -> Field:
            field = super().read(image_id, split)
            if image_id == "field_2":
                np.save(self.folder / "field_2.npy", np.ones((4, 40, 40), np.uint8))
            return field

    with pytest.raises(DataError, match=r"field_2: .*replaced"):
        prepare(Replacing(source.folder), Squares(), tmp_path / "store")
    stored = prepare(source, Squares(), tmp_path / "store")
    assert (stored.crops(np.array([4])).pixels[..., 5:7, 5:7] == np.float32(1 / 255)).all()


def test_the_digest_of_an_image_follows_its_pixels(source: Source, tmp_path: Path) -> None:
    def digests() -> list[str]:
        return [image.digest for image in prepare(source, Squares(), tmp_path / "store").images]

    before = digests()
    assert digests() == before
    pixels = np.load(source.folder / "field_2.npy")
    pixels[1, 3, 3] ^= 1
    np.save(source.folder / "field_2.npy", pixels)
    after = digests()
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, True, False, True]


def test_pickle_is_small_and_reads(source: Source, tmp_path: Path) -> None:
    stored = prepare(source, Squares(), tmp_path / "store")
    text = pickle.dumps(stored)
    assert len(text) < 10_000
    np.testing.assert_array_equal(pickle.loads(text).crops(np.array([2])).pixels, stored.crops(np.array([2])).pixels)


def test_two_writers_make_the_same_files(source: Source, tmp_path: Path) -> None:
    prepare(source, Squares(), tmp_path / "one")
    prepare(source, Squares(), tmp_path / "two", workers=1)
    one, two = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("one", "two")
    )
    assert one == two


FULL_DISK = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_store import Source, Squares, prepare
from hpa.core.whole_file import DiskFullError
resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
try:
    prepare(Source(Path(sys.argv[2])), Squares(), Path(sys.argv[3]))
except DiskFullError as error:
    print(error)
"""


@pytest.mark.slow
def test_full_disk_says_how_much_is_needed_and_leaves_nothing(source: Source, tmp_path: Path) -> None:
    # a limit on the size of files stands for a disk that is full: writing fails half way, in a process of its own
    assert resource.RLIMIT_FSIZE
    command = [sys.executable, "-c", FULL_DISK, str(Path(__file__).parent), str(source.folder), str(tmp_path / "store")]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "bytes were needed" in run.stdout
    assert not list((tmp_path / "store").rglob("*.part"))
