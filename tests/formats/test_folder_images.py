import unicodedata

import cv2
import numpy as np
import pytest
import tifffile

from hpa.core.errors import InputError
from hpa.formats.folder_images import FolderImages

GREY = np.arange(30, dtype=np.uint8).reshape(5, 6)


def opened(folder, wanted=("blue", "green"), plane_names=None, pixel_um=0.5):
    return FolderImages(folder, wanted, plane_names, pixel_um)


def test_files_of_one_channel_each_are_one_field(tmp_path):
    cv2.imwrite(str(tmp_path / "well_1_blue.png"), GREY)
    tifffile.imwrite(tmp_path / "well_1_green.tif", GREY + 1)
    images = opened(tmp_path)
    assert images.image_ids == ["well_1"]
    field = images.read("well_1")
    assert np.array_equal(field.plane("blue"), GREY)
    assert np.array_equal(field.plane("green"), GREY + 1)
    assert field.pixel_um == 0.5
    assert images.file_of("well_1") is None


def test_names_that_look_alike_are_one_image_however_their_letters_are_composed(tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "Zürich") for form in ("NFC", "NFD"))
    cv2.imwrite(str(tmp_path / f"{composed}_blue.png"), GREY)
    cv2.imwrite(str(tmp_path / f"{decomposed}_green.png"), GREY + 1)
    images = opened(tmp_path)
    [image_id] = images.image_ids
    assert images.read(image_id).plane("green")[0, 1] == 2
    cv2.imwrite(str(tmp_path / f"{decomposed}_blue.png"), GREY)
    assert opened(tmp_path).clashing == opened(tmp_path).image_ids
    microscope = tmp_path / "microscope"
    microscope.mkdir()
    for name in (f"{composed}_w1.tif", f"{decomposed}_w2.tif", "b_w1.tif", "b_w2.tif"):
        tifffile.imwrite(microscope / name, GREY)
    assert len(opened(microscope).image_ids) == 2


def test_masks_beside_their_images_are_passed_over_and_other_files_of_such_names_read(tmp_path):
    names = ("a.png", "a_cp_masks.png", "a_mask.tif", "a_Labels.png", "b_masks.png", "face_mask.png")
    for name in names:
        cv2.imwrite(str(tmp_path / name), GREY)
    images = opened(tmp_path)
    assert images.image_ids == ["a", "b_masks", "face_mask"]
    [listed] = images.passed_over.values()
    assert sorted(listed) == ["a_Labels.png", "a_cp_masks.png", "a_mask.tif"]


def test_a_grey_image_stands_for_every_channel(tmp_path):
    cv2.imwrite(str(tmp_path / "cells_of_mine.png"), GREY.astype(np.uint16) * 300)
    field = opened(tmp_path, pixel_um=None).read("cells_of_mine")
    assert field.channels == ("blue", "green")
    assert np.array_equal(field.plane("green"), GREY.astype(np.uint16) * 300)
    assert np.isnan(field.pixel_um)  # nothing says it


@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_colours_are_red_green_blue_and_alpha_is_left_out(tmp_path, depth, alpha):
    colours = np.stack([GREY, GREY + 50, GREY + 100, *([GREY * 0 + 255] * alpha)], axis=-1).astype(depth)
    order = [2, 1, 0, 3][: colours.shape[-1]]
    cv2.imwrite(str(tmp_path / "a.png"), colours[..., order])
    tifffile.imwrite(tmp_path / "b.tif", colours, photometric="rgb", extrasamples=["unassalpha"] * alpha)
    for image_id in ("a", "b"):
        field = opened(tmp_path).read(image_id)
        assert field.channels == ("red", "green", "blue")
        assert np.array_equal(field.pixels, colours[..., :3].transpose(2, 0, 1))


@pytest.mark.parametrize("axis", [0, -1])
def test_planes_of_many_channels_are_named_in_order(tmp_path, axis):
    stack = np.random.default_rng(0).integers(0, 60_000, (5, 20, 30)).astype(np.uint16)
    planar = {0: "separate", -1: "contig"}[axis]
    tifffile.imwrite(tmp_path / "a.tif", np.moveaxis(stack, 0, axis), photometric="minisblack", planarconfig=planar)
    names = ("dna", "er", "rna", "actin", "mito")
    field = opened(tmp_path, plane_names=names).read("a")
    assert field.channels == names
    assert np.array_equal(field.plane("rna"), stack[2])
    with pytest.raises(InputError, match="holds 5 planes"):
        opened(tmp_path).read("a")
    with pytest.raises(InputError, match="holds 5 planes"):
        opened(tmp_path, plane_names=[*names, "more"]).read("a")


def test_files_that_cannot_be_used_are_reported_when_they_are_read(tmp_path):
    (tmp_path / "png.png").write_bytes(b"no image")
    (tmp_path / "tif.tif").write_bytes(b"no image")
    tifffile.imwrite(tmp_path / "nan.tif", np.full((4, 4), np.nan, np.float32))
    tifffile.imwrite(tmp_path / "axes.tif", np.zeros((20, 20, 20), np.uint8), photometric="minisblack")
    cv2.imwrite(str(tmp_path / "two.png"), GREY)
    tifffile.imwrite(tmp_path / "two.tif", GREY)
    cv2.imwrite(str(tmp_path / "size_blue.png"), GREY)
    cv2.imwrite(str(tmp_path / "size_green.png"), GREY[:3])
    images = opened(tmp_path)
    reasons = {
        "png": "damaged",
        "tif": "damaged",
        "nan": "8 or 16 bit",
        "axes": "20 pages of unknown meaning",
        "two": "two.png, two.tif are the same",
        "size": "the channels differ",
    }
    assert images.image_ids == sorted(reasons)
    for image_id, reason in reasons.items():
        with pytest.raises(InputError, match=reason):
            images.read(image_id)


@pytest.mark.parametrize("wanted", [["w1"], ["w1", "w2"], ["w1", "w2", "w3"], ["red", "blue"], []])
def test_channels_that_a_user_names_do_not_change_which_files_are_an_image(tmp_path, wanted):
    for name in ("P_B01_w1", "P_B01_w2", "P_B01_w3", "P_B02_w1", "P_B02_w2", "P_B02_w3"):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.zeros((8, 8), np.uint8))
    images = FolderImages(tmp_path, wanted, None, 0.5)
    assert images.image_ids == ["P_B01", "P_B02"]
    assert images.read("P_B01").channels == ("w1", "w2", "w3")


def test_a_file_beside_its_own_channels_is_reported(tmp_path):
    for name in ("a.png", "a_blue.png"):
        cv2.imwrite(str(tmp_path / name), GREY)
    with pytest.raises(InputError, match="same image or channel"):
        opened(tmp_path).read("a")


def test_folders_and_pixel_sizes_without_sense_are_refused(tmp_path):
    with pytest.raises(InputError, match="there is none in this folder"):
        opened(tmp_path)
    with pytest.raises(InputError, match="check the path"):
        opened(tmp_path / "none")
    with pytest.raises(InputError, match="above 0"):
        opened(tmp_path, pixel_um=0.0)


def test_every_real_image_is_read(samples):
    images = opened(samples / "dsb2018" / "images")
    for image_id in images.image_ids[:20]:
        field = images.read(image_id)
        assert field.pixels.shape[0] in (2, 3)
