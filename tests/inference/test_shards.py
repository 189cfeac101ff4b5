import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpa.core.errors import InputError
from hpa.inference.blocks import Shard
from hpa.inference.budget import Budget
from hpa.inference.shards import is_part, merge_parts, read_part
from hpa.inference.submission_file import fallbacks_path


@pytest.fixture
def run(run_pipeline, source, make_field):
    for number in range(7):
        source.add(make_field(f"i{number}", number % 4, 30 + number, 40, seed=number))
    return lambda out, **changes: run_pipeline(source, out=out, **{"block_images": 2} | changes)


@pytest.fixture
def parts(run, tmp_path):
    """Returns the parts of a run of n shards."""

    def make(count, **changes):
        paths = [tmp_path / f"part_{number}_of_{count}" for number in range(1, count + 1)]
        for number, path in enumerate(paths, start=1):
            run(path, shard=Shard(number, count), **changes)
        return paths

    return make


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_merged_parts_are_the_bytes_of_one_run(run, parts, tmp_path, count):
    run(tmp_path / "whole.csv")
    merged = merge_parts(parts(count)[::-1], tmp_path / "merged.csv")
    assert (tmp_path / "merged.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert (merged.image_count, merged.blank_count, merged.all_failed) == (7, 0, False)
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == {
        "whole.csv", "merged.csv", *(f"part_{number}_of_{count}" for number in range(1, count + 1))
    }  # fmt: skip


def test_the_same_rows_give_the_same_part(run, tmp_path):
    for name in ("a", "b"):
        run(tmp_path / name, shard=Shard(1, 2))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_gaps_and_doubles_are_named(parts, tmp_path):
    one, two, _ = parts(3)
    with pytest.raises(InputError, match=r"shard 2/3 is missing; shard 3/3 is missing"):
        merge_parts([one], tmp_path / "out.csv")
    with pytest.raises(InputError, match=rf"shard 2/3 stands in {two} and {two}; shard 3/3 is missing"):
        merge_parts([one, two, two], tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


def test_mixtures_are_refused_by_name(run, parts, tmp_path):
    one, two = parts(2, settings={"members": [{"weights": "aa"}]})
    run(two, shard=Shard(2, 2), settings={"members": [{"weights": "bb"}]})
    with pytest.raises(
        InputError, match=rf"{one} and {two} are parts of different runs.*\n  members.0.weights: aa, bb"
    ):
        merge_parts([one, two], tmp_path / "out.csv")
    other = tmp_path / "other"
    run(other, shard=Shard(2, 3), settings={"members": [{"weights": "aa"}]}, block_images=1)
    with pytest.raises(InputError, match="shards: 2, 3\n  block_images: 2, 1"):
        merge_parts([one, other], tmp_path / "out.csv")


def test_a_place_that_cannot_be_written_is_an_error(parts, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot be written, because .*file is in its way"):
        merge_parts(parts(1), tmp_path / "file" / "out.csv")


def test_a_part_is_not_overwritten_by_another_one(run, parts, tmp_path):
    one, _ = parts(2)
    for shard in (Shard(2, 2), None):
        with pytest.raises(InputError, match="holds part 1/2 already"):
            run(one, shard=shard)
    run(one, shard=Shard(1, 2))


@given(st.integers(0, 10**6))
def test_damaged_parts_are_refused(tmp_path_factory, parts_once, at):
    one, two = parts_once
    folder = tmp_path_factory.mktemp("damaged")
    content = bytearray(one.read_bytes())
    content[at % len(content)] ^= 0xFF
    (folder / "one").write_bytes(content)
    try:
        merge_parts([folder / "one", two], folder / "out.csv")
    except InputError:
        assert not (folder / "out.csv").exists()
    else:  # a byte without meaning, e.g. of a date
        merge_parts([one, two], folder / "expected.csv")
        assert (folder / "out.csv").read_bytes() == (folder / "expected.csv").read_bytes()


@pytest.fixture(scope="module")
def parts_once(tmp_path_factory):
    """Two small parts, made without a network."""
    from hpa.inference.block_report import BlockReport
    from hpa.inference.shards import write_part
    from hpa.inference.work_claim import opened

    folder = tmp_path_factory.mktemp("parts")
    for number in (0, 1):
        with opened(folder / "out", {}) as work:
            work.write_rows(number, [(f"i{number}", 3, 4, "0 0.5 abc")])
            report = BlockReport(number, (f"i{number}",), 1, (), (), "as configured", "x", work.files_of(number))
            write_part(folder / str(number), Shard(number + 1, 2), ("ID",), {"split": "test"}, 2, work, [report])
    return folder / "0", folder / "1"


def test_files_that_are_no_parts_are_refused(tmp_path):
    (tmp_path / "table.csv").write_text("ID,ImageWidth\n")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("manifest.json", '{"format": "other"}')
    with zipfile.ZipFile(tmp_path / "list.zip", "w") as archive:
        archive.writestr("manifest.json", "[]")
    for name, words in {
        "none": "missing",
        "table.csv": "shard=1/n",
        "other.zip": "'other'",
        "list.zip": "no part",
    }.items():
        with pytest.raises(InputError, match=words):
            read_part(tmp_path / name)
        assert not is_part(tmp_path / name)


def test_blank_rows_are_counted_and_noted(run, parts, source, tmp_path):
    (source.folder / "i0.npy").unlink()
    one, two = parts(2)
    run(two, shard=Shard(2, 2), budget=Budget(1e-9, 0.0, True))
    merged = merge_parts([one, two], tmp_path / "out.csv")
    assert merged.blank_count == 1 + 3
    assert fallbacks_path(tmp_path / "out.csv").is_file()
