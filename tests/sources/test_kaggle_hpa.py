import gzip
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from hpa.core.errors import DataError, InputError
from hpa.core.image_table import COLUMNS
from hpa.intake.layout_advice import data_set_layout
from hpa.interfaces import ImageSource
from hpa.sources.kaggle_hpa import KaggleHpa
from tests.roles import assert_fills
from tests.small_sets import CHANNELS, blobs, noise, save

MakeSet = Callable[..., Path]
LABELS = {"a": "8|5|0", "b": "16", "c": "0|14"}


def source(root: Path, **changes: object) -> KaggleHpa:
    settings: dict[str, object] = {
        "root": root,
        "channels": CHANNELS,
        "pixel_um": None,
        "cell_truth": None,
        "metadata": None,
    }
    return KaggleHpa(**(settings | changes))


def reasons(table: object) -> list[str]:
    return [str(problem) for problem in table.problems]


def test_compressed_tables_are_read_where_the_plain_ones_are_missing(make_set: MakeSet) -> None:
    root = make_set(LABELS)
    before = source(root).table("train").frame
    table = root / "train.csv"
    (root / "train.csv.gz").write_bytes(gzip.compress(table.read_bytes()))
    table.unlink()
    assert data_set_layout(root) == "kaggle_hpa"
    assert source(root).table("train").frame.equals(before)


def test_folders_are_looked_at_until_each_channel_is_seen(make_set: MakeSet, monkeypatch: pytest.MonkeyPatch) -> None:
    root, seen = make_set(LABELS, ("t",)), []
    look = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: [seen.append(path.name), look(path)][1])
    source(root)
    assert seen == ["test"]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_the_train_table_holds_labels_sizes_and_depth(make_set: MakeSet, suffix: str, dtype: type) -> None:
    table = source(make_set(LABELS, suffix=suffix, dtype=dtype)).table("train").require_usable()
    assert tuple(table.frame.columns) == COLUMNS
    assert table.image_ids == ["a", "b", "c"]
    assert list(table.frame["classes"]) == list(LABELS.values())
    assert list(np.flatnonzero(table.targets()[0])) == [0, 5, 8]
    assert set(table.frame["height"]) == {24}
    assert set(table.frame["width"]) == {32}
    assert set(table.frame["bits"]) == {8 * np.dtype(dtype).itemsize}
    assert table.frame["pixel_um"].tolist() == pytest.approx([163.84 / 32] * 3)


def test_the_test_table_keeps_the_order_of_the_sample(make_set: MakeSet) -> None:
    table = source(make_set(LABELS, test=("z", "y", "x"))).table("test").require_usable()
    assert table.image_ids == ["z", "y", "x"]
    assert set(table.frame["classes"]) == {""}


def test_channels_come_in_the_requested_order(make_set: MakeSet) -> None:
    reader = source(make_set(LABELS), channels=["blue", "red"])
    assert_fills(reader, ImageSource)
    field = reader.read("b", "train")
    assert field.channels == ("blue", "red")
    np.testing.assert_array_equal(field.pixels, [noise(12, 24, 32), noise(10, 24, 32)])


def test_a_channel_that_is_not_requested_may_be_missing(make_set: MakeSet) -> None:
    root = make_set(LABELS)
    (root / "train" / "b_yellow.png").unlink()
    assert not source(root, channels=["green"]).table("train").problems


def test_pixel_size_is_logged_once_and_can_be_given(make_set: MakeSet, caplog: pytest.LogCaptureFixture) -> None:
    root = make_set(LABELS, test=("t",))
    with caplog.at_level(logging.INFO):
        reader = source(root)
        reader.table("train")
        reader.table("test")
    assert caplog.text.count("163.84") == 1
    given = source(root, pixel_um=0.08)
    assert set(given.table("train").frame["pixel_um"]) == {0.08}
    assert given.read("a", "train").pixel_um == 0.08


def test_the_configuration_makes_the_reader(make_set: MakeSet) -> None:
    path = Path(__file__).parents[2] / "conf" / "data" / "kaggle_hpa.yaml"
    config = OmegaConf.merge(OmegaConf.load(path), {"root": str(make_set(LABELS)), "channels": ["green"]})
    assert instantiate(config).channels == ("green",)


def test_every_problem_of_every_row_is_named_at_once(make_set: MakeSet) -> None:
    root = make_set(dict.fromkeys("abcdefgh", "0") | {"i": "19", "j": "8;5", "k": "", "l": "-1", "m": "3"})
    train = root / "train"
    with (root / "train.csv").open("a") as file:
        file.write("m,4\nghost,1\n,2\n")
    (train / "a_red.png").unlink()
    (train / "b_green.png").write_bytes((train / "b_green.png").read_bytes()[:200])
    (train / "c_blue.png").write_bytes(b"")
    save(noise(0, 24, 33), train / "d_blue.png")
    save(noise(0, 24, 32, np.uint16), train / "e_blue.png")
    save(np.zeros((24, 32, 3), np.uint8), train / "f_green.png")
    save(noise(0), train / "g_green.tif")
    table = source(root).table("train")
    found = {problem.subject: problem.reason for problem in table.problems}
    expected = {
        "a": "no file for red",
        "b": "cut short",
        "c": "empty",
        "d": "channels differ",
        "e": "channels differ",
        "f": "RGB",
        "g": "both there",
        "i": "class 19 of '19' is unknown",
        "j": "'8;5' cannot be read",
        "k": "train.csv row 12: no class",
        "l": "'-1' cannot be read",
        "m": "rows 14, 15",
        "ghost": "no file for red, green, blue, yellow",
        "train.csv row 17": "ID is blank",
    }
    assert found.keys() == expected.keys()
    for subject, words in expected.items():
        assert words in found[subject]
    assert len(table) == 16
    with pytest.raises(DataError, match="14 problems"):
        table.require_usable()


def test_sizes_of_images_that_cannot_be_read_come_from_the_sample(make_set: MakeSet) -> None:
    root = make_set(LABELS, test=("x", "y"))
    for channel in CHANNELS:
        (root / "test" / f"x_{channel}.png").unlink()
    table = source(root).table("test")
    assert table.frame[["height", "width", "bits"]].to_numpy().tolist() == [[24, 32, 0], [24, 32, 8]]
    assert [problem.subject for problem in table.problems] == ["x"]


def test_a_sample_of_another_size_is_a_warning_and_of_no_size_a_problem(make_set: MakeSet) -> None:
    root = make_set(LABELS, test=("x", "y"))
    (root / "sample_submission.csv").write_text("ImageID,ImageWidth,ImageHeight\nx,24,32\ny,wide,0\n")
    table = source(root).table("test")
    assert "has 24×32 px, the files are 32×24 px" in str(table.warnings[0])
    assert reasons(table) == [
        "sample_submission.csv row 3: ImageWidth 'wide', ImageHeight '0': positive whole numbers of pixels are expected"
    ]


def test_other_columns_of_the_labels_are_kept_and_other_files_named(make_set: MakeSet) -> None:
    root = make_set(LABELS)
    rows = "".join(f"{name},{label},HEK,P{name},x\n" for name, label in LABELS.items())
    (root / "train.csv").write_text("ID,Label,cell_line,group,fold\n" + rows)
    (root / "train" / "notes.jpg").write_bytes(b"")
    (root / "train" / "z_red.png").write_bytes(b"")
    table = source(root).table("train").require_usable()
    assert tuple(table.frame.columns) == (*COLUMNS, "cell_line", "train_group", "train_fold")
    assert table.frame["train_group"].tolist() == ["Pa", "Pb", "Pc"]
    assert table.frame["group"].tolist() == ["a", "b", "c"]
    assert [warning.reason for warning in table.warnings] == [
        "passed over, of a format that is not read: 1 file (1 .jpg): notes.jpg",
        "passed over, of images without a row: 1 file (1 .png): z_red.png",
    ]


def test_ids_that_a_spreadsheet_changed_are_explained(make_set: MakeSet) -> None:
    root = make_set({"007": "1", "b": "1"})
    (root / "train.csv").write_text("ID,Label\n7,1\nb,1\nc,1\n")
    hints = ["did a spreadsheet make 7 of it" in reason for reason in reasons(source(root).table("train"))]
    assert hints == [True, False]


def test_a_class_named_twice_counts_once_and_is_reported(make_set: MakeSet) -> None:
    table = source(make_set({"a": "5|5|2", "b": "1"})).table("train").require_usable()
    assert list(table.frame["classes"]) == ["5|2", "1"]
    assert "more than once: 1" in str(table.warnings[0])


@pytest.mark.parametrize("lost", ["train.csv", "train"])
def test_a_missing_layout_is_reported_at_once(make_set: MakeSet, lost: str) -> None:
    root = make_set(LABELS)
    (root / lost).rename(root / "elsewhere")
    with pytest.raises(InputError, match=r"expected are train\.csv"):
        source(root).table("train")


def test_an_empty_folder_is_reported_at_once(make_set: MakeSet) -> None:
    with pytest.raises(InputError, match="there is no PNG or TIFF file in it"):
        source(make_set({})).table("train")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"ID,Label\n", "only a header"),
        (b"Image;Label\na;1\n", "ID, Label are expected"),
        (b"ID,Label\na,1,2\n", "cannot be read as a table"),
        (b"\x89PNG\0\0", "cannot be read as a table"),
    ],
)
def test_a_train_csv_that_is_no_table(make_set: MakeSet, content: bytes, message: str) -> None:
    root = make_set(LABELS)
    (root / "train.csv").write_bytes(content)
    with pytest.raises(InputError, match=message):
        source(root).table("train")


def test_byte_order_mark_blanks_and_blank_lines_do_no_harm(make_set: MakeSet) -> None:
    root = make_set(LABELS)
    (root / "train.csv").write_bytes("\ufeffID,Label\r\n a , 8|5 \r\n\r\nb,1\r\n".encode())
    table = source(root).table("train").require_usable()
    assert table.image_ids == ["a", "b"]
    assert list(table.frame["classes"]) == ["8|5", "1"]


@pytest.mark.parametrize("channels", [[], ["purple"], ["red", "red"], "green"])
def test_channels_that_make_no_sense(tmp_path: Path, channels: object) -> None:
    with pytest.raises(InputError, match=r"data\.channels"):
        source(tmp_path, channels=channels)


@pytest.mark.parametrize("pixel_um", [0.0, -0.1, float("nan")])
def test_pixel_sizes_that_make_no_sense(tmp_path: Path, pixel_um: float) -> None:
    with pytest.raises(InputError, match=r"data\.pixel_um"):
        source(tmp_path, pixel_um=pixel_um)


def test_reading_a_blank_field_fails_and_a_foreign_channel_is_logged_once(
    make_set: MakeSet, caplog: pytest.LogCaptureFixture
) -> None:
    root = make_set({"blank": "0", "mixed": "0"})
    for index, channel in enumerate(CHANNELS):
        save(np.zeros((24, 32), np.uint8), root / "train" / f"blank_{channel}.png")
        save(blobs(seed=1 if channel == "yellow" else 0)[index], root / "train" / f"mixed_{channel}.png")
    reader = source(root)
    with pytest.raises(InputError, match="blank: all planes are blank"):
        reader.read("blank", "train")
    for _ in range(2):
        reader.read("mixed", "train")
    assert caplog.text.count("mixed: channel yellow may be of another field") == 1


def test_reading_what_is_not_there(make_set: MakeSet) -> None:
    reader = source(make_set(LABELS))
    for use in (reader.read, reader.identity):
        with pytest.raises(InputError, match="ghost_red"):
            use("ghost", "train")


def test_identity_changes_with_the_files_and_the_channels(make_set: MakeSet) -> None:
    root = make_set(LABELS)
    reader = source(root)
    before = reader.identity("a", "train")
    assert before == source(root).identity("a", "train")
    assert len({before, reader.identity("b", "train"), source(root, channels=["red"]).identity("a", "train")}) == 3
    save(noise(99, 25, 32), root / "train" / "a_red.png")
    assert reader.identity("a", "train") != before
