import json
import math
import os
import tracemalloc

import numpy as np
import pytest
import tifffile

from hpa.cli import main
from hpa.core.errors import InputError
from hpa.formats.folder_images import FolderImages
from hpa.formats.images import inspect_image
from hpa.formats.maker_metadata import metadata_beside, read_metadata

SIDE_PX = 9
HARMONY = "43B2A954-E3C3-47E1-B392-6635266B0DD3/HarmonyV5"


def harmony(names, side_m="5.98e-07", in_images=False):
    """Return an index as Harmony writes it: channels in a map, or (before version 5) in every image."""
    about = (
        f'<ImageResolutionX Unit="m">{side_m}</ImageResolutionX><ImageResolutionY Unit="m">{side_m}</ImageResolutionY>'
        f"<ImageSizeX>{SIDE_PX}</ImageSizeX>"
    )
    entries, images = "", ""
    for number, name in enumerate(names, start=1):
        named = f"<ChannelName>{name}</ChannelName>{about}"
        entries += f'<Entry ChannelID="{number}">{"" if in_images else named}</Entry>'
        images += f"<Image><id>0203K1</id><ChannelID>{number}</ChannelID>{named if in_images else ''}</Image>"
    body = f"<Maps><Map>{entries}</Map></Maps><Images>{images}</Images>"
    return f'<?xml version="1.0"?><EvaluationInputData xmlns="{HARMONY}">{body}</EvaluationInputData>'


def cell_voyager(side_um):
    channel = (
        f'<b:MeasurementChannel b:Ch="1" b:HorizontalPixelDimension="{side_um}" b:VerticalPixelDimension="{side_um}"/>'
    )
    return f'<b:MeasurementDetail xmlns:b="http://www.yokogawa.co.jp/BTS/BTSSchema/1.0">{channel}</b:MeasurementDetail>'


OPERA = ("Images/r02c03f01p01-ch1sk1fk1fl1.tiff", "Images/r02c03f01p01-ch2sk1fk1fl1.tiff")
IMAGEXPRESS = ("TimePoint_1/P1_B02_s1_w1.TIF", "TimePoint_1/P1_B02_s1_w2.TIF")
MICROMANAGER = tuple(f"Pos0/img_channel00{channel}_position000_time000000000_z000.tif" for channel in (0, 1))
CELLVOYAGER = ("AS_D02_T0001F001L01A01Z01C01.tif", "AS_D02_T0001F001L01A01Z01C02.tif")
WAVES = '"HTSInfoFile", Version 1.0\r\n"NWavelengths", 2\r\n"WaveName1", "DAPI"\r\n"WaveName2", "FITC"\r\n'
SUMMARY = {"ChNames": ["DAPI", "GFP"], "PixelSize_um": 0.43}
FRAME = {"ChNames": ["DAPI", "GFP"], "Width": SIDE_PX}
CASES = [
    (OPERA, "Images/Index.idx.xml", harmony(["HOECHST 33342", "Alexa 488"]), 0.598),
    (OPERA, "Images/Index.xml", harmony(["HOECHST 33342", "Alexa 488"], in_images=True), 0.598),
    (IMAGEXPRESS, "P1.HTD", WAVES, math.nan),
    (MICROMANAGER, "Pos0/metadata.txt", json.dumps({"Summary": SUMMARY})[:-1] + ', "Frame', 0.43),  # acquisition ended
    (MICROMANAGER, "Pos0/metadata.txt", json.dumps({"Summary": FRAME, "M": {"PixelSizeUm": 0.43}}), 0.43),
    (MICROMANAGER, "display_and_comments.txt", json.dumps({"Channels": [{"Name": "DAPI"}, {"Name": "GFP"}]}), math.nan),
]


def written(folder, files, name, text):
    for level, file in enumerate(files):
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(folder / file, np.full((SIDE_PX, SIDE_PX), level, np.uint16))
    (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(("files", "name", "text", "pixel_um"), CASES)
def test_channels_and_sizes_are_those_of_the_description(tmp_path, files, name, text, pixel_um):
    images = FolderImages(written(tmp_path, files, name, text), (), None, None)
    [image_id] = images.image_ids
    field = images.read(image_id)
    assert field.channels == ("blue", "green")
    assert field.plane("green")[0, 0] == 1
    assert field.pixel_um == pytest.approx(pixel_um, nan_ok=True)
    by_maker = metadata_beside(tmp_path / files[0]).name_of("channel0" if files is MICROMANAGER else "1")
    assert FolderImages(tmp_path, (), {by_maker: "x"}, None).read(image_id).channels == ("x",)


def test_a_size_without_names_is_taken(tmp_path):
    written(tmp_path, CELLVOYAGER, "MeasurementDetail.mrf", cell_voyager(0.325))
    assert inspect_image(tmp_path / CELLVOYAGER[0]).scenes[0].pixel_um == (0.325, 0.325)


def test_what_the_image_says_counts_first_and_images_of_another_size_have_another(tmp_path):
    written(tmp_path, OPERA, "Images/Index.idx.xml", harmony(["DAPI", "GFP"]))
    tifffile.imwrite(
        tmp_path / OPERA[0], np.zeros((9, 9), np.uint16), resolution=(2e4, 2e4), resolutionunit="CENTIMETER"
    )
    assert inspect_image(tmp_path / OPERA[0]).scenes[0].pixel_um == (0.5, 0.5)
    tifffile.imwrite(tmp_path / OPERA[0], np.zeros((5, 5), np.uint16))  # made smaller by another program
    assert math.isnan(inspect_image(tmp_path / OPERA[0]).scenes[0].pixel_um[0])


def test_plates_that_disagree_name_no_channel_by_default_but_each_by_its_own_name(tmp_path, capsys):
    for plate, names in (("one", ["DAPI", "GFP"]), ("two", ["GFP", "DAPI"])):
        written(tmp_path / "raw" / plate, OPERA, "Images/Index.idx.xml", harmony(names))
        for file in OPERA:
            other = tmp_path / "raw" / plate / file
            other.rename(other.with_name(other.name.replace("c03", "c04" if plate == "two" else "c03")))
    assert FolderImages(tmp_path / "raw", (), None, None).read("r02c03_01").channels == ("ch1", "ch2")
    words = ["--layout", "opera", "--channels", "DAPI=blue,GFP=green"]
    assert main(["import", str(tmp_path / "raw"), str(tmp_path / "set"), *words]) == 0
    assert (
        "Index.idx.xml: channel 1 is GFP, channel 2 is DAPI; pixels of 0.598 µm where images are 9 px wide"
        in capsys.readouterr().out
    )
    blue = {
        well: tifffile.imread(tmp_path / "set" / "images" / f"{well}_01_blue.tif")[0, 0]
        for well in ("r02c03", "r02c04")
    }
    assert blue == {"r02c03": 0, "r02c04": 1}


LAUGHS = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
HOSTILE = {
    "laughs": ("Index.idx.xml", f'<!DOCTYPE x [<!ENTITY a0 "ha">{LAUGHS}]><x>&a9;</x>'),
    "entity": (
        "Index.xml",
        '<!DOCTYPE x [<!ENTITY a SYSTEM "SECRET">]><x><Image><ChannelName>&a;</ChannelName></Image></x>',
    ),
    "depth": ("metadata.txt", '{"Summary": {"ChNames": ' + "[" * 200_000),
    "torn": ("Index.idx.xml", "<x><Maps><Map>"),
    "kind": ("metadata.txt", '{"Summary": {"ChNames": 7}}'),
    "no_list": ("display_and_comments.txt", "[1]"),
    "endless": ("metadata.txt", '{"Summary": {"Width": 1e999}}'),
    "numbers": ("MeasurementDetail.mrf", '<x><MeasurementChannel HorizontalPixels="many"/></x>'),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_and_damaged_descriptions_are_refused_and_never_expanded(tmp_path, kind):
    name, text = HOSTILE[kind]
    (tmp_path / "secret").write_text("hidden")
    (tmp_path / name).write_text(text.replace("SECRET", (tmp_path / "secret").as_uri()))
    tracemalloc.start()
    with pytest.raises(InputError, match="damaged"):
        read_metadata(tmp_path / name)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6
    assert metadata_beside(tmp_path / "a.tif") is None


def test_two_plates_in_one_folder_lend_their_names_to_nobody(tmp_path, caplog):
    (tmp_path / "P1.HTD").write_text('"WaveName1", "DAPI"')
    assert metadata_beside(tmp_path / "P1_A01_s1_w1.tif").channel_names == {"1": "DAPI"}
    (tmp_path / "P2.HTD").write_text('"WaveName1", "FITC"')
    assert metadata_beside(tmp_path / "P1_A01_s1_w1.tif") is None
    assert "P1.HTD, P2.HTD contradict each other" in caplog.text


def test_names_and_size_may_stand_in_two_files_of_a_folder(tmp_path):
    (tmp_path / "display_and_comments.txt").write_text('{"Channels": [{"Name": "DAPI"}]}')
    (tmp_path / "metadata.txt").write_text('{"Summary": {"PixelSize_um": 0.5, "Width": 64}}')
    found = metadata_beside(tmp_path / "img_000000000_DAPI_000.tif")
    assert (found.channel_names, found.pixel_um, found.width_px) == ({"0": "DAPI"}, (0.5, 0.5), 64)


def test_notes_of_that_name_are_no_description(tmp_path, caplog):
    (tmp_path / "metadata.txt").write_text("Cells of Monday, 37 degrees")
    assert read_metadata(tmp_path / "metadata.txt") is None
    assert metadata_beside(tmp_path / "a.tif") is None
    assert not caplog.text


def test_a_pipe_that_is_called_so_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "metadata.txt")
    with pytest.raises(InputError):
        read_metadata(tmp_path / "metadata.txt")


def test_millions_of_elements_take_little_memory(tmp_path):
    (tmp_path / "Index.idx.xml").write_text("<x>" + "<a/>" * 1_000_000 + "</x>")
    tracemalloc.start()
    assert read_metadata(tmp_path / "Index.idx.xml").channel_names == {}
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6
