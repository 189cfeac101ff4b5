"""Each drawing puts its light where the location is."""

import cv2
import numpy as np
import pytest

from hpa.core.classes import LOCATIONS
from hpa.simulation.patterns import DRAWINGS

NAMES = [location.short_name for location in LOCATIONS[:-1]]


def drawn(cells, name):
    """Return the images of one location in all cells."""
    return [np.asarray(DRAWINGS[NAMES.index(name)](anatomy), np.float32) for anatomy in cells]


def median(cells, images, measure):
    return float(np.median([measure(anatomy, image) for anatomy, image in zip(cells, images, strict=True)]))


def share_in(region):
    return lambda anatomy, image: image[region(anatomy)].sum() / image.sum()


def spots(image):
    """Count bright separate bodies."""
    smooth = cv2.GaussianBlur(image, (0, 0), 0.5)
    return cv2.connectedComponents((smooth > 0.4 * smooth.max()).astype(np.uint8))[0] - 1


@pytest.mark.parametrize("name", [name for name in NAMES if name != "mitotic_spindle"])
def test_light_stays_in_the_cell(resting_cells, name):
    for anatomy, image in zip(resting_cells, drawn(resting_cells, name), strict=True):
        assert np.isfinite(image).all()
        assert image.min() >= -0.05
        assert image[~anatomy.body].sum() == 0
        assert image.max() > 0.15


@pytest.mark.parametrize("name", NAMES[:6])
def test_nuclear_locations_light_the_nucleus(resting_cells, name):
    assert median(resting_cells, drawn(resting_cells, name), share_in(lambda a: a.nucleus)) > 0.99


@pytest.mark.parametrize(
    "name", ["endoplasmic_reticulum", "golgi_apparatus", "intermediate_filaments", "mitochondria", "vesicles"]
)
def test_cytoplasmic_locations_spare_the_nucleus(resting_cells, name):
    assert median(resting_cells, drawn(resting_cells, name), share_in(lambda a: a.nucleus)) < 0.15


def test_nuclear_membrane_is_a_rim(resting_cells):
    def contrast(anatomy, image):
        rim = anatomy.nucleus & (anatomy.nucleus_depth_um < 1)
        return image[rim].mean() / image[anatomy.nucleus_depth_um > 2].mean()

    assert median(resting_cells, drawn(resting_cells, "nuclear_membrane"), contrast) > 2.5


def test_nucleoli_are_dark_in_the_nucleoplasm_and_bright_by_themselves(resting_cells):
    def contrast(anatomy, image):
        return image[anatomy.nucleolar > 0.8].mean() / image[anatomy.nucleus & (anatomy.nucleolar < 0.1)].mean()

    cells = [anatomy for anatomy in resting_cells if (anatomy.nucleolar > 0.8).sum() > 5]
    assert median(cells, drawn(cells, "nucleoplasm"), contrast) < 0.6
    assert median(cells, drawn(cells, "nucleoli"), contrast) > 4
    assert median(cells, drawn(cells, "nuclear_bodies"), contrast) < 0.8


def test_counts_of_bodies_distinguish_the_punctate_locations(resting_cells):
    count = {
        name: median(resting_cells, drawn(resting_cells, name), lambda _, image: spots(image))
        for name in ("centrosome", "aggresome", "nucleoli", "nuclear_bodies", "vesicles")
    }
    assert count["centrosome"] <= 2
    assert count["aggresome"] == 1
    assert 1 <= count["nucleoli"] <= 4
    assert 2 <= count["nuclear_bodies"] <= 10
    assert count["vesicles"] > 12


def test_an_aggresome_is_larger_than_a_centrosome(resting_cells):
    def bright_um2(anatomy, image):
        return (image > 0.5 * image.max()).sum() * anatomy.pixel_um**2

    blob = median(resting_cells, drawn(resting_cells, "aggresome"), bright_um2)
    assert blob > 5 * median(resting_cells, drawn(resting_cells, "centrosome"), bright_um2)


def test_plasma_membrane_lights_the_border(resting_cells):
    share = median(resting_cells, drawn(resting_cells, "plasma_membrane"), share_in(lambda a: a.depth_um < 2.5))
    area = median(resting_cells, [a.body.astype(float) for a in resting_cells], share_in(lambda a: a.depth_um < 2.5))
    assert share > 1.6 * area


def test_golgi_lies_on_one_side_of_the_nucleus(resting_cells):
    def one_sidedness(anatomy, image):
        bright = np.where(image > 0.3, image, 0)
        distance = np.hypot(anatomy.x_um, anatomy.y_um)
        resultant = np.hypot((bright * anatomy.x_um).sum(), (bright * anatomy.y_um).sum())
        return resultant / max((bright * distance).sum(), 1e-6)

    assert median(resting_cells, drawn(resting_cells, "golgi_apparatus"), one_sidedness) > 0.8
    assert median(resting_cells, drawn(resting_cells, "mitochondria"), one_sidedness) < 0.5


def test_actin_fibres_run_along_the_cell(resting_cells):
    def parallel(anatomy, image):
        """Return how much of the gradient energy lies across the axis of the cell."""
        inner = anatomy.depth_um > 2
        dx, dy = cv2.Sobel(image, cv2.CV_32F, 1, 0)[inner], cv2.Sobel(image, cv2.CV_32F, 0, 1)[inner]
        across = dy * np.cos(anatomy.cell.angle) - dx * np.sin(anatomy.cell.angle)
        return (across**2).sum() / (dx**2 + dy**2).sum()

    assert median(resting_cells, drawn(resting_cells, "actin_filaments"), parallel) > 0.8
    assert median(resting_cells, drawn(resting_cells, "intermediate_filaments"), parallel) < 0.65


def test_the_spindle_is_a_lemon_between_the_poles(dividing_cells):
    def elongation(anatomy, image):
        along = anatomy.x_um * np.cos(anatomy.cell.angle) + anatomy.y_um * np.sin(anatomy.cell.angle)
        across = anatomy.y_um * np.cos(anatomy.cell.angle) - anatomy.x_um * np.sin(anatomy.cell.angle)
        bright = np.where(image > 0.2, image, 0)
        return np.sqrt((bright * along**2).sum() / (bright * across**2).sum())

    assert median(dividing_cells, drawn(dividing_cells, "mitotic_spindle"), elongation) > 1.3


def test_a_dividing_cell_has_a_centrosome_at_each_pole(dividing_cells):
    assert median(dividing_cells, drawn(dividing_cells, "centrosome"), lambda _, image: spots(image)) == 2
