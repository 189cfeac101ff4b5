import numpy as np

from hpa.simulation.stains import microtubule_stain, nuclear_stain, reticulum_stain


def test_blue_is_nuclear_with_dark_nucleoli(resting_cells):
    for anatomy in resting_cells:
        blue = nuclear_stain(anatomy)
        assert blue[~anatomy.nucleus].sum() == 0
        dark = blue[anatomy.nucleolar > 0.8]
        assert dark.size == 0 or dark.mean() < 0.75 * blue[anatomy.nucleus & (anatomy.nucleolar < 0.1)].mean()


def test_chromosomes_are_condensed_in_mitosis(resting_cells, dividing_cells):
    def bright_um2(anatomy):
        return (nuclear_stain(anatomy) > 0.3).sum() * anatomy.pixel_um**2

    assert np.median([bright_um2(a) for a in dividing_cells]) < 0.4 * np.median([bright_um2(a) for a in resting_cells])


def test_red_and_yellow_are_brightest_around_the_nucleus(resting_cells):
    for stain in (microtubule_stain, lambda anatomy: reticulum_stain(anatomy, reach_um=6.0)):
        falls = []
        for anatomy in resting_cells:
            image = stain(anatomy)
            near = anatomy.cytoplasm & (anatomy.nucleus_gap_um < 3)
            far = anatomy.cytoplasm & (anatomy.nucleus_gap_um > 7)
            falls.append(image[near].mean() / image[far].mean() if far.sum() > 20 else np.nan)
            assert image[anatomy.nucleus].mean() < image[near].mean()
        assert np.nanmedian(falls) > 1.2
