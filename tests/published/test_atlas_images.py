import numpy as np
import pandas as pd
import pytest

from hpa.cli import main
from hpa.core.errors import InputError
from hpa.published.atlas_images import AtlasFetcher
from hpa.published.atlas_table import Wanted, select
from hpa.sources.kaggle_hpa import KaggleHpa
from tests.published.atlas_server import CHANNELS, Atlas, atlas_at, jpeg, tif_gz


@pytest.fixture
def atlas():
    """Six images of three antibodies."""
    found = Atlas()
    found.planes = {}
    for number in range(6):
        stem = f"{100 + number // 2}/23_H{number}_1"
        found.planes[stem.replace("/", "_")] = found.add(stem, seed=number)
    return found


@pytest.fixture
def address(atlas):
    with atlas_at(atlas) as found:
        yield found


@pytest.fixture
def table(address, tmp_path):
    stems = [f"{address}/{100 + number // 2}/23_H{number}_1_" for number in range(6)]
    labels = ["Nucleoplasm,Vesicles", "Lysosomes", "Cytosol", "Focal adhesion sites|Cytosol", "Nucleoli", "No staining"]
    lines = ["U-2 OS", "HeLa", "U-2 OS", "HeLa", "U-2 OS", "HeLa"]
    frame = pd.DataFrame({"Image": stems, "Label": labels, "Cellline": lines, "in_trainset": "False"})
    frame.to_csv(tmp_path / "table.tsv", sep="\t", index=False)
    return tmp_path / "table.tsv"


@pytest.fixture
def waits():
    return []


@pytest.fixture
def fetch(table, tmp_path, waits):
    def run(side=64, **wanted):
        fetcher = AtlasFetcher(tmp_path / "out", side, 20.0, waits.append)
        return fetcher.fetch(select(table, Wanted(**wanted)).frame, lambda done, total: None)

    return run


def test_images_come_in_the_layout_of_the_competition(fetch, atlas, tmp_path):
    assert (fetch().new, len(list((tmp_path / "out" / "train").iterdir()))) == (6, 24)
    source = KaggleHpa(tmp_path / "out", CHANNELS, None, None, tmp_path / "out" / "metadata.csv", group="antibody")
    table = source.table("train")
    assert table.problems == ()
    assert list(table.frame["classes"]) == ["0|17", "17", "16", "9|16", "2", "18"]
    assert list(table.frame["group"]) == [f"antibody {100 + number // 2}" for number in range(6)]
    assert list(table.frame["cell_line"]) == ["U-2 OS", "HeLa"] * 3
    for image_id, planes in atlas.planes.items():
        field = source.read(image_id, "train")
        for channel, plane in planes.items():
            assert np.abs(field.plane(channel).astype(int) - plane).mean() < 2  # JPEG


def test_images_are_scaled_down_on_the_way(fetch, tmp_path):
    fetch(side=32)
    source = KaggleHpa(tmp_path / "out", CHANNELS, None, None, None)
    assert set(source.table("train").frame["width"]) == {32}


def test_faults_that_pass_are_waited_out(fetch, atlas, waits):
    first, second, third = "/100/23_H0_1_red.jpg", "/100/23_H0_1_green.jpg", "/101/23_H2_1_blue.jpg"
    atlas.faults[first] = [503, 429, "cut"]
    atlas.faults[second] = ["lies"]
    atlas.faults[third] = [500]
    result = fetch()
    assert (result.new, result.failed) == (6, [])
    assert waits.count(7.0) == 3  # as the server requires
    assert waits.count(0.05) == 24  # between requests for files


def test_a_channel_without_jpeg_comes_as_tiff(fetch, atlas, tmp_path):
    plane = atlas.planes["100_23_H0_1"]["green"]
    del atlas.files["/100/23_H0_1_green.jpg"]
    atlas.files["/100/23_H0_1_green.tif.gz"] = tif_gz(plane)
    fetch()
    source = KaggleHpa(tmp_path / "out", CHANNELS, None, None, None)
    np.testing.assert_array_equal(source.read("100_23_H0_1", "train").plane("green"), plane)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda files: files.pop("/100/23_H1_1_red.jpg"), "neither .jpg nor .tif.gz"),
        (lambda files: files.update({"/100/23_H1_1_red.jpg": files["/100/23_H1_1_red.jpg"][:-400]}), "is damaged"),
        (lambda files: files.update({"/100/23_H1_1_red.jpg": b"<html>busy</html>"}), "is damaged"),
        (
            lambda files: files.update({"/100/23_H1_1_red.jpg": jpeg(np.ones((8, 8), np.uint8), "red")}),
            "differ in size",
        ),
    ],
)
def test_an_image_that_cannot_be_had_is_named_and_the_others_come(fetch, atlas, damage, words, tmp_path):
    damage(atlas.files)
    result = fetch()
    assert result.new == 5
    assert [problem.subject for problem in result.failed] == ["100_23_H1_1"]
    assert words in result.failed[0].reason
    assert len(pd.read_csv(tmp_path / "out" / "train.csv")) == 5


def test_what_is_here_is_not_fetched_again(fetch, atlas, tmp_path):
    fetch(limit=2)
    before = len(atlas.requests)
    (tmp_path / "out" / "train" / "100_23_H0_1_red.png").unlink()
    result = fetch()
    assert (result.new, result.before) == (5, 1)
    assert len(atlas.requests) - before == 20
    assert len(pd.read_csv(tmp_path / "out" / "train.csv")) == 6


def test_what_came_before_an_interruption_is_listed(table, tmp_path):
    def interrupt(done, total):
        if done == 3:
            raise KeyboardInterrupt

    fetcher = AtlasFetcher(tmp_path / "out", 64, 20.0, lambda seconds: None)
    with pytest.raises(KeyboardInterrupt):
        fetcher.fetch(select(table, Wanted()).frame, interrupt)
    assert len(pd.read_csv(tmp_path / "out" / "train.csv")) == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "fetched.csv", "metadata.csv", "train", "train.csv"
    ]  # fmt: skip


def test_it_ends_where_nothing_can_be_had(fetch, atlas):
    atlas.files.clear()
    with pytest.raises(InputError, match="5 images in a row could not be had"):
        fetch()


def test_the_disk_is_looked_at_first(tmp_path):
    fetcher = AtlasFetcher(tmp_path, 2048, 2.0)
    assert fetcher.bytes_needed(21806) == pytest.approx(128e9, rel=0.05)  # the competition's images, as PNG
    with pytest.raises(InputError, match=r"need about \d+\.\d GB"):
        fetcher.require_room(10**12)


def test_the_command_counts_without_fetching(table, tmp_path, atlas, capsys):
    words = ["fetch-public", str(table), str(tmp_path / "out"), "--cell-lines", "HeLa", "--dry-run"]
    assert main(words) == 0
    assert "3 images of 3 antibodies, 3 to fetch: about 0.0" in capsys.readouterr().out
    assert atlas.requests == []
    assert main([*words[:-1], "--rate", "50"]) == 0
    assert "3 images fetched, 0 were there, 0 failed" in capsys.readouterr().out
