import math
import struct

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from hpa.core.errors import InputError
from hpa.formats.images import inspect_image, read_image

RNG = np.random.default_rng(0)
TWO = RNG.integers(0, 4000, (2, 20, 30)).astype(np.uint16)


def test_ome_holds_names_and_pixel_sizes(tmp_path):
    path = tmp_path / "a.ome.tif"
    told = {"axes": "CYX", "Channel": {"Name": ["DAPI", "FITC"]}, "PhysicalSizeX": 325.0, "PhysicalSizeXUnit": "nm"}
    tifffile.imwrite(path, TWO, metadata=told)
    file = read_image(path)
    assert file.names == ("DAPI", "FITC")
    assert file.pixel_um == pytest.approx(0.325)
    assert np.array_equal(file.planes, TWO)


def test_imagej_holds_pixel_sizes_in_its_unit(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, TWO, imagej=True, resolution=(1 / 0.5, 1 / 0.5), metadata={"axes": "CYX", "unit": "um"})
    file = read_image(path)
    assert file.pixel_um == pytest.approx(0.5)
    assert file.names == ("1", "2")


def test_a_plain_resolution_counts_where_a_microscope_can_have_it(tmp_path):
    for dots, side_um in ((10000 / 0.65, 0.65), (72 / 2.54, math.nan)):
        tifffile.imwrite(tmp_path / "a.tif", TWO[0], resolution=(dots, dots), resolutionunit="CENTIMETER")
        assert read_image(tmp_path / "a.tif").pixel_um == pytest.approx(side_um, nan_ok=True)


@pytest.mark.parametrize("last", [True, False])
def test_channels_may_come_first_or_last(tmp_path, last):
    pixels = RNG.integers(0, 255, (20, 30, 3)).astype(np.uint8)
    path = tmp_path / "a.tif"
    if last:
        tifffile.imwrite(path, pixels, photometric="rgb")
    else:
        tifffile.imwrite(path, np.moveaxis(pixels, -1, 0), photometric="minisblack")
    file = read_image(path)
    assert np.array_equal(np.moveaxis(file.planes, 0, -1), pixels)
    assert file.names == (("red", "green", "blue") if last else ("1", "2", "3"))


def write_with_xml(path, channels, width=30):
    """Write two pages with an OME-XML of its own numbers."""
    listed = "".join(f'<Channel ID="Channel:0:{number}" SamplesPerPixel="1"/>' for number in range(channels))
    xml = (
        '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint16" PhysicalSizeX="0.5" PhysicalSizeY="0.5" '
        f'SizeX="{width}" SizeY="20" SizeC="{channels}" SizeZ="1" SizeT="1">{listed}<TiffData/></Pixels></Image></OME>'
    )
    with tifffile.TiffWriter(path, ome=False) as tiff:
        for number, pixels in enumerate(TWO):
            tiff.write(pixels, description=None if number else xml, metadata=None)


def test_pages_that_an_ome_xml_does_not_list_are_named_and_channels_without_pages_refused(tmp_path):
    path = tmp_path / "a.ome.tif"
    write_with_xml(path, 2)
    assert np.array_equal(read_image(path).planes, TWO)
    assert not inspect_image(path).notes
    write_with_xml(path, 1)
    assert inspect_image(path).notes == ("1 of 2 pages are not in its OME-XML: left out",)
    write_with_xml(path, 4)
    with pytest.raises(InputError, match="lists 4 channels, the file has pages of 2"):
        read_image(path)


def test_an_ome_xml_of_another_size_gives_no_pixel_size(tmp_path):
    path = tmp_path / "a.ome.tif"
    write_with_xml(path, 2)
    assert read_image(path).pixel_um == 0.5
    write_with_xml(path, 2, width=3000)  # a program made the picture smaller and kept the XML
    assert math.isnan(read_image(path).pixel_um)
    assert "its OME-XML is of 3000×20 px" in inspect_image(path).scenes[0].notes[0]


@pytest.mark.parametrize("end", ["<Pixels", "</Image>", "</Imag></OME>"])
def test_an_ome_xml_that_is_cut_short_is_not_passed_over(tmp_path, end):
    path = tmp_path / "a.ome.tif"
    text = f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="1">{end}'
    pages = np.zeros((2, 16, 24), np.uint8)
    tifffile.imwrite(path, pages, photometric="minisblack", description=text, metadata=None)
    with pytest.raises(InputError, match=r"its OME-XML is damaged .*; export the file again"):
        inspect_image(path)


def test_levels_of_four_bits_are_refused_as_those_of_a_png_are(tmp_path):
    pytest.importorskip("imagecodecs")  # packs the levels
    tifffile.imwrite(tmp_path / "a.tif", np.full((16, 24), 9, np.uint8), photometric="minisblack", bitspersample=4)
    with pytest.raises(InputError, match="8 or 16 bit are expected, came 4 bit"):
        read_image(tmp_path / "a.tif")


def test_the_orientation_of_a_png_is_named_and_not_applied(tmp_path):
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(TWO[0].astype(np.uint8)).save(tmp_path / "a.png", exif=exif)
    assert inspect_image(tmp_path / "a.png").notes == ("orientation 6 of its header is not applied",)
    assert read_image(tmp_path / "a.png").planes.shape == (1, 20, 30)
    content = (tmp_path / "a.png").read_bytes().replace(b"MM\0*", b"MM\0\0").replace(b"II*\0", b"II\0\0")
    (tmp_path / "b.png").write_bytes(content)  # no reader of pixels needs what is damaged here
    assert inspect_image(tmp_path / "b.png").notes == ()


def test_png_in_colour_and_grey(tmp_path):
    colour = RNG.integers(0, 255, (20, 30, 3)).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), colour[..., ::-1])
    assert np.array_equal(np.moveaxis(read_image(tmp_path / "a.png").planes, 0, -1), colour)
    cv2.imwrite(str(tmp_path / "b.png"), TWO[0])
    assert np.array_equal(read_image(tmp_path / "b.png").planes, TWO[:1])


def test_what_cannot_be_read_says_what_to_do(tmp_path):
    tifffile.imwrite(tmp_path / "stack.ome.tif", np.zeros((5, 2, 8, 8), np.uint8), metadata={"axes": "ZCYX"})
    tifffile.imwrite(tmp_path / "float.tif", np.zeros((8, 8), np.float32))
    (tmp_path / "broken.tif").write_bytes(b"II*\0broken")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG")
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "a.nd2").write_bytes(b"ND2")
    told = {
        "stack.ome.tif": "5 along Z.*--z max",
        "float.tif": "float32; convert",
        "broken.tif": "damaged",
        "broken.png": "broken",
        "a.jpg": "JPEG picture.*save it as TIFF or PNG",
        "a.nd2": r"hpa-cells\[microscopes\]",
        "missing.tif": "missing",
    }
    for name, words in told.items():
        with pytest.raises(InputError, match=words):
            read_image(tmp_path / name)


@pytest.mark.parametrize(
    ("compression", "begin", "place", "size"),
    [("jpeg", b"\xff\xc0", 5, ">HH"), ("jpeg2000", b"\xff\x4f\xff\x51", 8, ">II")],
)
@pytest.mark.parametrize("layout", [{}, {"tile": (16, 16)}, {"rowsperstrip": 16}], ids=str)
def test_a_picture_within_the_file_is_no_larger_than_its_part(tmp_path, compression, begin, place, size, layout):
    pytest.importorskip("imagecodecs", reason='needs pip install "hpa-cells[codecs]"')
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.tile(np.arange(40, dtype=np.uint8), (56, 1)), compression=compression, **layout)
    assert read_image(path).planes.shape == (1, 56, 40)
    content = bytearray(path.read_bytes())
    struct.pack_into(size, content, content.find(begin) + place, 65_000, 65_000)
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.tif: the file is damaged: .* holds one of 65000×65000 px; copy or"):
        read_image(path)
