import numpy as np
import pytest
import tifffile

from hpa.cli import available_commands, main


def test_the_command_has_its_short_name():
    assert "import" in available_commands()
    assert "import-images" not in available_commands()


def test_images_are_imported_and_what_is_unknown_is_reported(tmp_path, capsys):
    (tmp_path / "raw").mkdir()
    for channel in ("w1", "w2", "w3"):
        tifffile.imwrite(tmp_path / "raw" / f"a_{channel}.tif", np.zeros((8, 8), np.uint8))
    assert main(["import", str(tmp_path / "raw"), str(tmp_path / "out"), "--channels", "w1=blue,w2=green"]) == 0
    told = capsys.readouterr().out
    assert "1 images of blue, green; 1 files passed over" in told
    assert "1 images without a known pixel size" in told


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--channels", "w1"], "pairs are expected"),
        (["--channels", "w1=blue,w1=green"], "named twice"),
    ],
)
def test_impossible_options_are_refused(tmp_path, capsys, words, told):
    assert main(["import", str(tmp_path), str(tmp_path / "out"), *words]) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("side", ["0", "-1", "nan", "inf", "1e-9", "1e9", "one"])
def test_pixels_of_no_microscope_are_refused(tmp_path, capsys, side):
    with pytest.raises(SystemExit) as caught:
        main(["import", str(tmp_path), str(tmp_path / "out"), "--channels", "w1=blue", f"--pixel-um={side}"])
    assert caught.value.code == 2
    assert f"{side}: the side of a pixel in µm is expected, 0.005 to 50, e.g. 0.325" in capsys.readouterr().err


JUMP = ("jump_BR00117006_A01_f01", "{well}f{site}p01-ch{channel}sk1fk1fl1.tiff", "5=blue,2=green", 1, (1080, 1080))
NF1 = ("nf1_schwann", "{well}_01_{_}_{site}_{channel}_001.tif", "DAPI=blue,GFP=green", 5, (904, 1224))
HUMAN = ("exampleHuman", "{plate}_{well}f{site}d{channel}.tif", "0=blue,2=green", 1, (512, 512))


@pytest.mark.parametrize(("folder", "pattern", "channels", "count", "shape"), [JUMP, NF1, HUMAN])
def test_real_fields_come_whole(samples, tmp_path, folder, pattern, channels, count, shape):
    words = ["--pattern", pattern, "--channels", channels, "--pixel-um", "0.6"]
    assert main(["import", str(samples / "cellpainting" / folder), str(tmp_path / "out"), *words]) == 0
    files = sorted((tmp_path / "out" / "images").iterdir())
    assert len(files) == 2 * count
    assert {tifffile.imread(path).shape for path in files} == {shape}
