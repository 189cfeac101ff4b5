import math

import numpy as np
import pytest
import tifffile

from hpa.formats.images import inspect_image, read_image
from hpa.formats.pixel_size import not_square, size_um


@pytest.mark.parametrize("dpi", [72, 96, 150, 300, 600, 1200, 2400, 4800])
@pytest.mark.parametrize("unit", ["INCH", "CENTIMETER"])
def test_resolutions_of_printers_are_not_trusted(tmp_path, dpi, unit):
    dots = dpi if unit == "INCH" else dpi / 2.54
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 8), np.uint8), resolution=(dots, dots), resolutionunit=unit)
    assert math.isnan(read_image(tmp_path / "a.tif").pixel_um)


@pytest.mark.parametrize(("unit", "dots_per_inch"), [("inch", 1), ("cm", 2.54)])
@pytest.mark.parametrize(("dpi", "expected"), [(72, math.nan), (1200, math.nan), (4800, math.nan), (50800, 0.5)])
def test_imagej_takes_resolutions_of_printers_over(tmp_path, unit, dots_per_inch, dpi, expected):
    dots = dpi / dots_per_inch
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((8, 8), np.uint8), imagej=True, resolution=(dots, dots), metadata={"unit": unit}
    )
    assert read_image(tmp_path / "a.tif").pixel_um == pytest.approx(expected, rel=1e-3, nan_ok=True)


@pytest.mark.parametrize(
    ("height", "width", "units"),
    [(0.3, 0.3, ("µm", "µm")), (300, 0.3, ("nm", "µm")), (3e-5, 3e5, ("cm", "pm")), (0.3, 1, ("µm", "pixel"))],
)
def test_height_and_width_may_have_units_of_their_own(tmp_path, height, width, units):
    metadata = {"axes": "YX", "PhysicalSizeX": width, "PhysicalSizeY": height}
    metadata |= {"PhysicalSizeYUnit": units[0], "PhysicalSizeXUnit": units[1]}
    tifffile.imwrite(tmp_path / "a.ome.tif", np.zeros((8, 8), np.uint8), metadata=metadata)
    assert inspect_image(tmp_path / "a.ome.tif").scenes[0].pixel_um == pytest.approx((0.3, 0.3))


@pytest.mark.parametrize(
    ("unit", "factor"), [("micron", 1.0), ("\\u00B5m", 1.0), ("um", 1.0), ("nm", 1e3), ("mm", 1e-3)]
)
def test_units_of_imagej_are_trusted(tmp_path, unit, factor):
    dots = 1 / (0.325 * factor)
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((8, 8), np.uint8), imagej=True, resolution=(dots, dots), metadata={"unit": unit}
    )
    assert read_image(tmp_path / "a.tif").pixel_um == pytest.approx(0.325, rel=1e-3)


def test_unequal_sides_are_kept_and_the_area_counts(tmp_path):
    metadata = {"axes": "YX", "PhysicalSizeX": 0.4, "PhysicalSizeY": 0.9}
    tifffile.imwrite(tmp_path / "a.ome.tif", np.zeros((8, 8), np.uint8), metadata=metadata)
    scene = inspect_image(tmp_path / "a.ome.tif").scenes[0]
    assert scene.pixel_um == (0.9, 0.4)
    assert not_square(scene.pixel_um)
    assert read_image(tmp_path / "a.ome.tif").pixel_um == pytest.approx(0.6)


@pytest.mark.parametrize(("state", "expected"), [("on", 0.65), ("off", math.nan)])
def test_metaxpress_writes_the_size_into_the_description(tmp_path, state, expected):
    written = {"state": state, "x": "0.65", "y": "0.65", "units": "um"}
    props = "".join(
        f'<prop id="spatial-calibration-{name}" type="x" value="{text}"/>' for name, text in written.items()
    )
    description = f"<MetaData><PlaneInfo>{props}</PlaneInfo></MetaData>"
    pixels = np.zeros((8, 8), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, description=description, metadata=None, software="MetaSeries")
    assert inspect_image(tmp_path / "a.tif").scenes[0].pixel_um == pytest.approx((expected, expected), nan_ok=True)


def test_micromanager_knows_size_and_depth(tmp_path):
    content = b'{"PixelSizeUm": 0.65, "BitDepth": 12}'
    tag = (51123, "s", len(content), content, True)
    tifffile.imwrite(tmp_path / "a.tif", np.full((4, 4), 4095, np.uint16), extratags=[tag], metadata=None)
    image = read_image(tmp_path / "a.tif")
    assert image.pixel_um == pytest.approx(0.65)
    assert image.planes.max() == 65535


@pytest.mark.parametrize(
    ("side", "unit"), [(0, "µm"), (-1, "µm"), ("wide", "µm"), (1, "pixel"), (1e9, "µm"), (None, "")]
)
def test_sizes_that_mean_nothing_are_unknown(side, unit):
    assert all(math.isnan(value) for value in size_um(side, side, unit))
