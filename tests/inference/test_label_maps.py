import json

import cv2
import numpy as np
import pytest

from hpa.core.errors import InputError
from hpa.core.field import Segmentation
from hpa.core.whole_file import DiskFullError
from hpa.formats.folder_images import FolderImages
from hpa.formats.label_maps import read_label_map, write_label_map
from hpa.inference.label_maps import LabelMapOutput, segment_images
from hpa.interfaces import Instances


class Thresholded:
    """One cell an image: all that is bright; images of 7 rows break it, images of 8 find the disk full."""

    channels = ("grey",)

    def __init__(self, level=100):
        self.level = level

    def segment(self, fields):
        for field in fields:
            if field.pixels.shape[1] == 7:
                raise ZeroDivisionError
            if field.pixels.shape[1] == 8:
                raise DiskFullError("the disk is full")
        return [Segmentation((field.pixels[0] > self.level).astype(np.int32)) for field in fields]

    def fingerprint(self):
        return {"segmenter": "thresholded", "level": self.level}


def drawn(field, label_map):
    shade = field.pixels[0] if label_map is None else (255 * label_map).astype(np.uint8)
    return np.repeat(shade[..., None], 3, axis=-1)


class Naming(Thresholded):
    """Says also of what class the cell is, as a detector does."""

    class_names = ("HEK", "N2a")

    def instances(self, field):
        [found] = self.segment([field])
        return Instances(found.cells, np.array([1]), np.array([0.75]))


def put(folder, name, height=5):
    folder.mkdir(exist_ok=True)
    picture = np.full((height, 6), 50, np.uint8)
    picture[1:3, 1:4] = 200
    cv2.imwrite(str(folder / f"{name}.png"), picture)


def segmented(tmp_path, preview=False, level=100, calls=None):
    images = FolderImages(tmp_path / "in", Thresholded.channels, None, 0.5)
    output = LabelMapOutput(tmp_path / "out", "tif", preview, drawn)
    told = [] if calls is None else calls
    return segment_images(images, Thresholded(level), output, lambda: told.append(1))


def test_label_maps_are_written_counted_and_kept(tmp_path):
    put(tmp_path / "in", "a")
    put(tmp_path / "in", "b")
    calls = []
    first = segmented(tmp_path, calls=calls)
    assert (first.written, first.kept, first.cells, first.failed) == (2, 0, 2, [])
    assert read_label_map(tmp_path / "out" / "a.tif").sum() == 6
    second = segmented(tmp_path, calls=calls)
    assert (second.written, second.kept) == (0, 2)
    assert len(calls) == 4


def test_what_a_detector_names_stands_in_a_table(tmp_path):
    for name in ("a", "b"):
        put(tmp_path / "in", name)
    images = FolderImages(tmp_path / "in", Naming.channels, None, 0.5)
    output = LabelMapOutput(tmp_path / "out", "tif", False, drawn)
    for _ in range(2):  # the second time b is done again, a kept
        assert segment_images(images, Naming(), output, lambda: None).failed == []
        table = (tmp_path / "out" / "classes.csv").read_text()
        assert table == "ID,cell,class,score\na,1,N2a,0.75\nb,1,N2a,0.75\n"
        (tmp_path / "out" / "b.tif").unlink()


def test_a_preview_that_is_missing_is_made(tmp_path):
    put(tmp_path / "in", "a")
    segmented(tmp_path)
    corrected = np.zeros((5, 6), np.int32)
    corrected[4, 5] = 1
    write_label_map(tmp_path / "out" / "a.tif", corrected)
    result = segmented(tmp_path, preview=True)
    assert (result.written, result.kept, result.previews) == (0, 1, 1)
    picture = cv2.imread(str(tmp_path / "out" / "preview" / "a.png"))
    assert [picture[place].tolist() for place in ((4, 5), (2, 2))] == [[255] * 3, [0] * 3]
    assert np.array_equal(read_label_map(tmp_path / "out" / "a.tif"), corrected)
    assert segmented(tmp_path, preview=True).previews == 0


def test_the_folder_of_the_images_is_no_output(tmp_path):
    put(tmp_path / "in", "a")
    images = FolderImages(tmp_path / "in", Thresholded.channels, None, 0.5)
    before = (tmp_path / "in" / "a.png").read_bytes()
    for overwrite in (False, True):
        for kind, message in (("png", "is read by this command"), ("tif", "is the folder of the images")):
            output = LabelMapOutput(tmp_path / "in", kind, True, drawn, overwrite)
            with pytest.raises(InputError, match=message):
                segment_images(images, Thresholded(), output, lambda: None)
    assert {path.name for path in (tmp_path / "in").iterdir()} == {"a.png"}
    assert (tmp_path / "in" / "a.png").read_bytes() == before


def test_files_of_others_are_written_over_only_where_that_is_wanted(tmp_path):
    put(tmp_path / "in", "a")
    (tmp_path / "out").mkdir()
    write_label_map(tmp_path / "out" / "a.tif", np.full((5, 6), 7, np.int32))
    with pytest.raises(InputError, match=r"1 files of these names \(a\.tif\) that 'hpa segment' did not make"):
        segmented(tmp_path)
    assert read_label_map(tmp_path / "out" / "a.tif").max() == 7
    images = FolderImages(tmp_path / "in", Thresholded.channels, None, 0.5)
    output = LabelMapOutput(tmp_path / "out", "tif", False, drawn, overwrite=True)
    assert segment_images(images, Thresholded(), output, lambda: None).written == 1
    assert read_label_map(tmp_path / "out" / "a.tif").max() == 1


def test_any_error_of_one_image_is_reported_and_stops_nothing(tmp_path):
    put(tmp_path / "in", "a", height=7)
    put(tmp_path / "in", "b")
    result = segmented(tmp_path)
    assert [str(problem) for problem in result.failed] == ["a: ZeroDivisionError"]
    assert result.written == 1


def test_a_full_disk_stops_at_once(tmp_path):
    put(tmp_path / "in", "a", height=8)
    with pytest.raises(DiskFullError):
        segmented(tmp_path)


def test_settings_are_noted_and_others_refused(tmp_path):
    put(tmp_path / "in", "a")
    segmented(tmp_path)
    noted = json.loads((tmp_path / "out" / "segmenter.json").read_text())
    assert noted["segmenter"]["level"] == 100
    assert noted["images"] == {"pixel_um": 0.5, "plane_names": None}
    with pytest.raises(InputError, match="other settings"):
        segmented(tmp_path, level=90)


def test_settings_of_a_run_that_wrote_nothing_bind_nobody(tmp_path):
    put(tmp_path / "in", "a", height=7)  # breaks the segmenter
    assert segmented(tmp_path, level=100).written == 0
    put(tmp_path / "in", "a")
    assert segmented(tmp_path, level=150).written == 1
    with pytest.raises(InputError, match="another segmenter or other settings"):
        segmented(tmp_path, level=100)
