import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from scipy import ndimage

from hpa.core.channels import CHANNELS
from hpa.core.errors import InputError
from hpa.reports.class_styles import ClassStyle
from hpa.reports.pictures import composite, composite_cells, outline

WHITE, RED = ClassStyle("#ffffff", "solid"), ClassStyle("#ff0000", "solid")

PLANES = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(1, 12), st.integers(1, 12)),
    elements=st.floats(0, 1, width=32),
)


@given(PLANES)
def test_a_picture_has_the_size_of_its_planes_whatever_they_are_called(pixels):
    picture = composite(pixels, [f"stain {number}" for number in range(len(pixels))])
    assert picture.shape == (*pixels.shape[1:], 3)
    assert picture.dtype == np.uint8
    assert (picture[..., 0] == picture[..., 1]).all()  # unknown stains are grey


@given(PLANES, st.floats(0.125, 1, width=32))
def test_a_dimmer_exposure_gives_nearly_the_same_picture(pixels, exposure):
    channels = CHANNELS[: len(pixels)] if len(pixels) <= 4 else (*CHANNELS, "other")
    spans = np.percentile(pixels, 99.8, axis=(1, 2)) - np.percentile(pixels, 0.5, axis=(1, 2))
    if (spans * exposure > 0.02).all():  # else the plane counts as empty
        bright, dim = composite(pixels, channels), composite(pixels * np.float32(exposure), channels)
        assert np.abs(bright.astype(int) - dim.astype(int)).max() <= 1


@pytest.mark.parametrize(
    ("channel", "strong", "weak"),
    [("red", [0], [1, 2]), ("green", [1], [0, 2]), ("blue", [2], [0, 1]), ("yellow", [0, 1], [2])],
)
def test_each_stain_has_the_colour_of_the_atlas(channel, strong, weak):
    pixels = np.zeros((4, 8, 8), np.float32)
    pixels[CHANNELS.index(channel), 2:5, 2:5] = 0.6
    colour = composite(pixels, CHANNELS)[3, 3].astype(int)
    assert colour[strong].min() >= 100
    assert colour[strong].min() > 2 * colour[weak].max()
    assert composite(pixels, CHANNELS)[7, 7].max() == 0


def test_two_stains_are_enough_and_in_any_order():
    pixels = np.zeros((2, 6, 6), np.float32)
    pixels[0, :, :3], pixels[1, :, 3:] = 0.5, 0.5
    picture = composite(pixels, ("blue", "green"))
    assert picture[0, 0].argmax() == 2
    assert picture[0, 5].argmax() == 1
    assert (composite(pixels[::-1], ("green", "blue")) == picture).all()


def test_an_empty_plane_stays_dark():
    noise = np.random.default_rng(0).random((1, 32, 32), np.float32) * 0.002
    assert composite(noise, ("green",)).max() < 60


def test_a_cell_without_the_protein_stays_darker_than_cells_with_it():
    crops = np.random.default_rng(0).random((5, 1, 16, 16), np.float32)
    crops[0] *= 0.05
    pictures = composite_cells(crops, ("green",))
    assert pictures.shape == (5, 16, 16, 3)
    assert pictures[0].mean() < 0.4 * pictures[1:].mean()


def test_no_cells_give_no_pictures():
    assert composite_cells(np.zeros((0, 4, 8, 8), np.float32), CHANNELS).shape == (0, 8, 8, 3)


@pytest.mark.parametrize("make", [composite, composite_cells])
def test_every_plane_needs_a_name(make):
    pixels = np.zeros((2, 2, 4, 4) if make is composite_cells else (2, 4, 4), np.float32)
    with pytest.raises(InputError, match="name every plane"):
        make(pixels, ("red",))


@given(hnp.arrays(np.int32, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.integers(0, 4)))
def test_every_cell_is_outlined_near_its_edge_and_the_picture_given_is_left_alone(label_map):
    black = np.zeros((*label_map.shape, 3), np.uint8)
    drawn = outline(black, label_map, WHITE).any(axis=2)
    near_a_cell = ndimage.binary_dilation(label_map > 0, np.ones((3, 3)), iterations=2)
    assert not drawn[~near_a_cell].any()
    assert all(drawn[label_map == cell].any() for cell in np.unique(label_map[label_map > 0]))
    assert not black.any()


@given(st.integers(8, 30), st.integers(8, 30), st.integers(0, 5), st.integers(0, 5), st.sampled_from([1, 2]))
def test_contours_follow_the_edge_from_inside(height, width, top, left, thickness_px):
    label_map = np.zeros((height + 10, width + 10), np.int32)
    label_map[top : top + height, left : left + width] = 1
    drawn = outline(np.zeros((*label_map.shape, 3), np.uint8), label_map, WHITE, thickness_px)[..., 0]
    assert drawn[label_map == 0].max() <= 130  # the soft rim of the line
    assert not drawn[top + 4 : top + height - 4, left + 4 : left + width - 4].any()
    assert drawn[top + 1, left + 1 : left + width - 1].min() > 100
    assert drawn[top + 1 : top + height - 1, left + width - 2].min() > 100


def test_touching_cells_keep_their_own_colours():
    label_map = np.ones((12, 20), np.int32)
    label_map[:, 10:] = 2
    drawn = outline(np.zeros((12, 20, 3), np.uint8), label_map, (RED, ClassStyle("#0000ff", "solid")))
    red, blue = drawn[6, 8].astype(int), drawn[6, 11].astype(int)
    assert red[0] > 180
    assert blue[2] > 180
    assert red[2] < 20
    assert blue[0] < 20
    assert not drawn[6, 5].any()


def test_a_pale_line_is_visible_on_bright_ground():
    label_map = np.zeros((40, 40), np.int32)
    label_map[8:32, 8:32] = 1
    for shade in (0, 128, 255):
        ground = np.full((40, 40, 3), shade, np.uint8)
        drawn = outline(ground, label_map, ClassStyle("#aec7e8", "solid")).mean(axis=2)
        contrast = drawn[20].max() - drawn[20].min()
        assert contrast > 120


def test_every_cell_needs_a_colour():
    with pytest.raises(InputError, match="2 cells, 1 styles"):
        outline(np.zeros((2, 2, 3), np.uint8), np.array([[1, 1], [2, 2]], np.int32), (RED,))


def test_real_nuclei_are_blue_and_lie_inside_outlined_cells(samples):
    folder = samples / "hpa_rgby" / "mosaic_derived"
    planes = [np.asarray(Image.open(folder / f"mosaic0_{channel}.png")) for channel in CHANNELS]
    label_map = np.asarray(Image.open(folder / "mosaic0_instances.png")).astype(np.int32)
    pixels = np.stack(planes).astype(np.float32) / 255
    picture = composite(pixels, CHANNELS)
    in_nucleus = (pixels[2] > 0.4) & (pixels[0] < 0.1) & (pixels[1] < 0.1)
    assert in_nucleus.sum() > 500
    assert (picture[in_nucleus].argmax(axis=1) == 2).mean() > 0.95
    changed = (outline(picture, label_map, WHITE) != picture).any(axis=2)
    assert changed[label_map == 0].mean() < 0.003


def test_a_dashed_line_has_gaps_all_along_and_dashes_as_long_as_they_should_be():
    label_map = np.zeros((120, 120), np.int32)
    label_map[10:110, 10:110] = 1
    edge = outline(np.zeros((120, 120, 3), np.uint8), label_map, ClassStyle("#ffffff", "dashed"))[11, 15:105, 0] > 128
    assert 0.4 < edge.mean() < 0.8
    lengths = np.diff(np.flatnonzero(np.diff(edge.astype(int))))
    assert len(lengths) > 10
    assert lengths.max() <= 8
