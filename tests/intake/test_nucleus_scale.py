import numpy as np
import pytest

from hpa.config import build
from hpa.core.errors import InputError
from hpa.core.field import Field
from hpa.core.project_folder import project_folder
from hpa.formats.images import read_image
from hpa.formats.label_maps import read_label_map
from hpa.intake.nucleus_scale import NUCLEUS_UM, estimate_size, size_of
from hpa.suggestions import compose_slot


@pytest.fixture(scope="module")
def finder():
    return build(compose_slot(project_folder(), "infer", "segmenter", ["segmenter=watershed_nuclei"]))


def nuclei(width_px, side_px=256, count=12, seed=0):
    """Draw discs of one width on a grid, with noise."""
    draw = np.random.default_rng(seed)
    picture = draw.normal(300, 20, (side_px, side_px))
    rows, columns = np.ogrid[:side_px, :side_px]
    across = int(np.ceil(count**0.5))
    step = side_px / across
    for number in range(count):
        y, x = (number // across + 0.5) * step, (number % across + 0.5) * step
        picture[(rows - y) ** 2 + (columns - x) ** 2 <= (width_px / 2) ** 2] += 2000
    return picture.clip(0).astype(np.uint16)


@pytest.mark.parametrize(("width_px", "side_px"), [(9, 128), (20, 256), (48, 256), (250, 2100)])
def test_the_size_follows_the_width_of_nuclei(finder, width_px, side_px):
    size_um, count = size_of(nuclei(width_px, side_px), finder)
    assert count == 12
    assert size_um == pytest.approx(NUCLEUS_UM / width_px, rel=0.15)


def read_one(width_px):
    return lambda image_id: Field(image_id, nuclei(width_px)[None], ("blue",), np.nan)


def test_an_estimate_says_what_it_rests_on(finder):
    found = estimate_size(["a", "b"], read_one(20), "blue", finder)
    assert found.pixel_um == pytest.approx(NUCLEUS_UM / 20, rel=0.05)
    assert f"{found.pixel_um:g} µm, estimated from 24 nuclei of 2 images" in str(found)


def test_too_few_nuclei_are_no_estimate(finder):
    with pytest.raises(InputError, match=r"4 nuclei are too few to estimate it; give it by --pixel-um"):
        estimate_size(
            ["a"], lambda image_id: Field(image_id, nuclei(20, count=4)[None], ("grey",), np.nan), "blue", finder
        )
    with pytest.raises(InputError, match="0 nuclei are too few"):
        estimate_size(
            ["a"], lambda image_id: Field(image_id, np.zeros((1, 90, 90), np.uint8), ("grey",), 1.0), "blue", finder
        )


def test_images_of_several_magnifications_are_not_mixed(finder):
    widths = {"a": 10, "b": 11, "c": 40, "d": 42}
    with pytest.raises(InputError, match="differ in magnification"):
        estimate_size(list(widths), lambda image_id: read_one(widths[image_id])(image_id), "blue", finder)


@pytest.mark.parametrize(
    ("image", "truth", "tolerance"),
    [
        (
            "jump_BR00117006_A01_f01/r01c01f01p01-ch5sk1fk1fl1.tiff",
            "jump_BR00117006_A01_f01/nuclei_instances_derived.png",
            0.15,
        ),
        (
            "pediatric_cancer_C03_f03/r03c03f03p01-ch5sk1fk1fl1.tiff",
            "pediatric_cancer_C03_f03/nuclei_instances_derived.png",
            0.15,
        ),
    ],
)
def test_real_nuclei_are_counted_without_a_known_size(samples, finder, image, truth, tolerance):
    plane = read_image(samples / "cellpainting" / image).planes[0]
    true = len(np.unique(read_label_map(samples / "cellpainting" / truth))) - 1
    size_um, _ = size_of(plane, finder)
    found = finder.segment([Field("a", plane[None], ("grey",), size_um)])[0].cells.max()
    assert found == pytest.approx(true, rel=tolerance)
