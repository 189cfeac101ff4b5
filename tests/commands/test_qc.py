import numpy as np
import pandas as pd
import pytest

from hpa.cli import main
from hpa.formats.calibrated_tiff import write_plane
from hpa.simulation.two_cell_types import render_two_type_field, write_two_cell_types


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


def test_limits_and_channels_are_given_on_the_command_line(folder, tmp_path, capsys):
    words = ["qc", str(folder / "images"), "--out", str(tmp_path / "page.html"), "--channels", "green,blue"]
    assert main([*words, "limits.min_sharpness_share=5.0"]) == 0
    assert "focus 9" in capsys.readouterr().out
    assert main([*words, "limits.min_sharpnes=5"]) == 1
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
