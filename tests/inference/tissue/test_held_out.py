from dataclasses import replace

import numpy as np
import pytest

from hpa.core.errors import InputError
from hpa.inference.joins import MeanJoin
from hpa.inference.tissue.held_out import (
    FOLDER,
    HeldOutTissue,
    combined_held_out,
    held_out_files,
    read_held_out_tissue,
    write_held_out_tissue,
)

JOIN = MeanJoin(2, [3.0, 1.0])


def image_of(seed, height=12, width=15, organ="lung"):
    draw = np.random.default_rng(seed)
    return HeldOutTissue(
        draw.random((height, width)).astype(np.float32), draw.random((height, width)) < 0.5, organ, 2.34
    )


def test_what_is_written_is_read_again(tmp_path):
    images = {f"image_{seed}": image_of(seed) for seed in range(3)}
    for image_id, image in images.items():
        write_held_out_tissue(tmp_path, image_id, image)
    for read, written in zip(combined_held_out([tmp_path], JOIN), images.values(), strict=True):
        np.testing.assert_allclose(read.probabilities, written.probabilities, atol=0.5 / 255)
        np.testing.assert_array_equal(read.truth, written.truth)
        assert (read.organ, read.pixel_um) == ("lung", 2.34)


def test_images_without_a_mask_are_kept_for_others_and_fit_nothing(tmp_path):
    write_held_out_tissue(tmp_path, "known", image_of(0))
    write_held_out_tissue(tmp_path, "unknown", replace(image_of(1), truth=None))
    assert len(list(combined_held_out([tmp_path], JOIN))) == 1
    read = read_held_out_tissue(held_out_files(tmp_path)["unknown"])
    assert read.truth is None
    np.testing.assert_allclose(read.probabilities, image_of(1).probabilities, atol=0.5 / 255)


def test_what_all_held_out_is_combined_and_what_some_did_is_their_mean(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    write_held_out_tissue(one, "both", image_of(0))
    write_held_out_tissue(two, "both", image_of(1))
    write_held_out_tissue(one, "first", image_of(2))
    write_held_out_tissue(two, "second", image_of(3, organ="kidney"))
    both, first, second = combined_held_out([one, two], JOIN)
    expected = 0.75 * image_of(0).probabilities + 0.25 * image_of(1).probabilities
    np.testing.assert_allclose(both.probabilities, expected, atol=1 / 255)
    np.testing.assert_array_equal(both.truth, image_of(0).truth)
    np.testing.assert_allclose(first.probabilities, image_of(2).probabilities, atol=1 / 255)
    assert second.organ == "kidney"


def test_members_of_other_pixel_sizes_take_the_size_of_the_first(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    write_held_out_tissue(one, "a", image_of(0, 12, 15))
    write_held_out_tissue(two, "a", image_of(1, 24, 30))
    (image,) = combined_held_out([one, two], JOIN)
    assert image.probabilities.shape == image.truth.shape == (12, 15)


def test_missing_and_broken_files_are_errors(tmp_path):
    with pytest.raises(InputError, match="thresholds=fixed"):
        next(combined_held_out([tmp_path], JOIN))
    write_held_out_tissue(tmp_path, "a", image_of(0))
    path = tmp_path / FOLDER / "a.npz"
    whole = path.read_bytes()
    for broken in (b"", whole[: len(whole) // 2], whole[:200] + bytes(60) + whole[260:]):
        path.write_bytes(broken)
        with pytest.raises(InputError, match="finish the run again"):
            next(combined_held_out([tmp_path], JOIN))


def test_pickled_code_is_never_run(tmp_path):
    (tmp_path / FOLDER).mkdir()
    content = {"probabilities": np.array([print], dtype=object), "truth": 0, "organ": "", "pixel_um": 1.0}
    np.savez(tmp_path / FOLDER / "a.npz", **content)
    with pytest.raises(InputError, match="cannot be read"):
        next(combined_held_out([tmp_path], JOIN))
