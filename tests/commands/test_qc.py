import shlex
import shutil

import numpy as np
import pandas as pd
import pytest

from hpa.cli import main
from hpa.core.errors import InputError
from hpa.formats.calibrated_tiff import write_plane
from hpa.simulation.two_cell_types import render_two_type_field, write_two_cell_types
from hpa.sources.quality_column import read_decisions, read_used_rows
from hpa.sources.typed_images import TypedImages
from tests.browser import assert_quiet, opened


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Seven good images, one of noise, one that is there twice, one broken."""
    folder = tmp_path_factory.mktemp("qc") / "world"
    write_two_cell_types(folder, images=8, test_images=1, side_px=320, seed=2)
    rng = np.random.default_rng(0)
    good = render_two_type_field(2, "HEK", 0, 320, 320).field
    for place, channel in enumerate(good.channels):
        write_plane(folder / "images" / f"copy_{channel}.tif", good.pixels[place], 0.325)
        write_plane(folder / "images" / f"noise_{channel}.tif", rng.poisson(9, (320, 320)).astype(np.uint8), 0.325)
        (folder / "images" / f"torn_{channel}.tif").write_bytes(b"II*\0")
    return folder


def test_page_and_table_rank_the_images(folder, tmp_path, capsys):
    assert main(["qc", str(folder), "--out", str(tmp_path / "page.html")]) == 0
    told = capsys.readouterr().out
    assert "11 images" in told
    assert "empty 1" in told
    assert "duplicate 2" in told
    assert "unreadable 1" in told
    table = pd.read_csv(tmp_path / "page.csv").set_index("image")
    assert len(table) == 11
    assert table["suspicion"].is_monotonic_decreasing
    assert table.loc["noise", "faults"] == "empty"
    assert "duplicate" in table.loc["copy", "faults"]
    assert {"sharpness_green", "sharpness_blue", "signal", "unevenness"} <= set(table.columns)
    page = (tmp_path / "page.html").read_text()
    suspicious = int((table["faults"].notna() & (table["faults"] != "unreadable")).sum())
    assert page.count('class="details"') == suspicious
    assert page.count("<img") == 10 + 2 * suspicious  # all but the torn one, and the channels of suspicious ones
    assert page.index("torn") < page.index("Within all limits") < page.index("N2a_0000")


@pytest.mark.parametrize("width_px", [400, 1280])
def test_a_person_overrules_on_the_page_and_training_obeys(folder, tmp_path, capsys, browser, width_px):
    mine = tmp_path / "a set"
    shutil.copytree(folder, mine)
    index, page = mine / "index.csv", tmp_path / "page.html"
    before = pd.read_csv(index)
    first, second = before["ID"][before["split"] == "train"][:2]
    words = ["qc", str(mine), "--out", str(page), "limits.debris_factor=1.2", "limits.max_debris_share=1e-5"]
    assert main(words) == 0
    assert "debris" in capsys.readouterr().out
    with opened(browser, page, width_px) as tab:
        assert_quiet(tab, page)
        boxes = "[...document.querySelectorAll('.whole')].filter((one) => one.querySelector('i'))"
        inside = "const b = one.querySelector('i').getBoundingClientRect(), w = one.getBoundingClientRect();"
        inside += (
            "return b.left >= w.left - 1 && b.top >= w.top - 1 && b.right <= w.right + 1 && b.bottom <= w.bottom + 1"
        )
        assert tab.read(f"{boxes}.length") > 0
        assert tab.read(f"{boxes}.every((one) => {{ {inside} }})")
        tab.choose(f"select[data-image='{first}']", "leave out")
        tab.choose(f"select[data-image='{second}']", "use")
        command = tab.text("#decisions")
        assert_quiet(tab, page)
    assert main(shlex.split(command)[1:]) == 0
    after = pd.read_csv(index)
    assert after.drop(columns="quality").equals(before)
    assert read_decisions(index) == {first: "leave out", second: "use"}
    train = TypedImages(mine, ["green", "blue"], None, None).table("train").image_ids
    assert first not in train
    assert second in train
    assert main([*words, "--overwrite"]) == 0
    assert "2 decided by a person" in capsys.readouterr().out
    assert page.read_text().index("Decided by a person") < page.read_text().index(f'data-image="{second}"')
    assert main(["qc", str(mine), f"--undecided={first}", f"--undecided={second}"]) == 0
    assert read_decisions(index) == {}


def test_decisions_that_cannot_be_kept_are_refused(folder, tmp_path, capsys):
    assert main(["qc", str(folder), "--use=nowhere"]) == 1
    assert "lists no image nowhere" in capsys.readouterr().err
    assert main(["qc", str(folder / "images"), "--use=copy"]) == 1
    assert "is missing" in capsys.readouterr().err
    assert main(["qc", str(folder), "--use=copy", "--leave-out=copy"]) == 1
    assert "two decisions" in capsys.readouterr().err
    index = tmp_path / "index.csv"
    index.write_text("ID,quality\na,bad\n")
    with pytest.raises(InputError, match="holds 'bad'"):
        read_decisions(index)
    index.write_text("id,quality\na,leave out\n")
    with pytest.raises(InputError, match="leaves out all images"):
        read_used_rows(index, (), ())


def test_limits_and_channels_are_given_on_the_command_line(folder, tmp_path, capsys):
    words = ["qc", str(folder / "images"), "--out", str(tmp_path / "page.html"), "--channels", "green,blue"]
    assert main([*words, "limits.min_sharpness_share=5.0"]) == 0
    assert "focus 9" in capsys.readouterr().out
    assert main([*words, "limits.min_sharpnes=5"]) == 2
    assert main([*words[:2], "--out", str(tmp_path / "page.txt")]) == 1
    assert ".html is expected" in capsys.readouterr().err


def test_the_index_of_the_set_and_pages_of_others_are_not_written_over(folder, tmp_path, capsys):
    index = (folder / "index.csv").read_bytes()
    for words in ([], ["--overwrite"]):
        assert main(["qc", str(folder), "--out", str(folder / "index.html"), *words]) == 1
        assert "index.csv: is read by this command" in capsys.readouterr().err
    assert (folder / "index.csv").read_bytes() == index
    (tmp_path / "page.csv").write_text("mine")
    assert main(["qc", str(folder), "--out", str(tmp_path / "page.html")]) == 1
    assert (tmp_path / "page.csv").read_text() == "mine"
    assert not (tmp_path / "page.html").exists()
    for words in (["--overwrite"], []):  # a page that we made may be made again
        assert main(["qc", str(folder), "--out", str(tmp_path / "page.html"), *words]) == 0
