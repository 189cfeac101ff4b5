import numpy as np
import pytest

from hpa.core.errors import InputError
from hpa.interfaces import ImageSource, InstanceTruth
from hpa.sources.hubmap.combined import CombinedHubmap
from hpa.sources.hubmap.source import Hubmap
from tests.roles import assert_fills
from tests.sources.hubmap_folder import write_set

COLOURS = ("red", "green", "blue")


@pytest.fixture
def folders(tmp_path):
    main, extra = tmp_path / "main", tmp_path / "extra"
    main.mkdir()
    extra.mkdir()
    write_set(main, {}, {})
    write_set(main, {}, split="test")
    gtex = {"organ": "spleen", "data_source": "GTEx", "pixel_size": 0.5}
    write_set(extra, {"id": "g1", **gtex}, {"id": "g2", **gtex, "rle": "1 2"})
    return main, extra


def test_external_images_stand_behind_the_own_with_their_source_and_scale(folders):
    main, extra = folders
    source = CombinedHubmap(main, COLOURS, 0.25, [extra])
    table = source.table("train").require_usable()
    assert_fills(source, ImageSource)
    assert_fills(source, InstanceTruth)
    assert table.image_ids == ["1", "2", "g1", "g2"]
    assert list(table.frame["source"]) == ["HPA", "HPA", "GTEx", "GTEx"]
    assert list(table.frame["pixel_um"]) == [0.25, 0.25, 0.5, 0.5]
    assert list(table.frame.index) == [0, 1, 2, 3]
    assert source.read("g2", "train").pixel_um == 0.5
    assert source.instances("g2").label_map.sum() == 2
    assert str(extra) in source.identity("g1", "train")
    assert source.cell_truth is None


def test_external_images_are_not_tested_on(folders):
    main, extra = folders
    source = CombinedHubmap(main, COLOURS, None, [extra])
    assert source.table("test").image_ids == ["1"]
    assert np.array_equal(source.read("1", "test").pixels, Hubmap(main, None).read("1", "test").pixels)


def test_without_external_sets_it_is_the_set_itself(folders):
    main, _ = folders
    alone, plain = CombinedHubmap(main, COLOURS, None, []), Hubmap(main, None)
    assert alone.table("train").frame.equals(plain.table("train").frame)
    assert alone.identity("2", "train") == plain.identity("2", "train")


def test_an_id_of_two_sets_is_a_problem(folders, tmp_path):
    main, _ = folders
    other = tmp_path / "other"
    other.mkdir()
    write_set(other, {"id": "2", "pixel_size": ""})
    table = CombinedHubmap(main, COLOURS, None, [other]).table("train")
    assert [str(problem) for problem in table.problems] == ["2: the id stands in 2 of the folders; rename all but one"]
    assert len(table.warnings) == 1
    assert table.where == f"{main} + {other}"


def test_channels_are_chosen_and_strange_ones_are_refused(folders):
    main, _ = folders
    source = CombinedHubmap(main, ["blue", "grey"], None, [])
    assert source.channels == ("blue", "grey")
    assert source.read("1", "train").channels == COLOURS
    with pytest.raises(InputError, match=r"data\.channels: some of red, green, blue and grey .* came yellow"):
        CombinedHubmap(main, ["yellow"], None, [])


def test_what_no_set_has_is_reported(folders):
    main, extra = folders
    with pytest.raises(InputError, match="there is no row of image 'g9'"):
        CombinedHubmap(main, COLOURS, None, [extra]).read("g9", "train")
    with pytest.raises(InputError, match=r"nowhere.train\.csv: the file is missing"):
        CombinedHubmap(main, COLOURS, None, [main / "nowhere"]).table("train")


def test_images_without_masks_join_the_training_images_by_their_test_table(folders, tmp_path):
    main, extra = folders
    other = tmp_path / "unmasked"
    other.mkdir()
    write_set(other, {"id": "u1", "organ": "lung", "data_source": "GTEx", "pixel_size": 0.5}, split="test")
    source = CombinedHubmap(main, COLOURS, None, [extra], [other])
    table = source.table("train").require_usable()
    assert table.image_ids == ["1", "2", "g1", "g2", "u1"]
    assert table.frame["has_truth"].tolist() == [True] * 4 + [False]
    assert table.frame["pixel_um"].tolist()[-1] == 0.5
    assert np.array_equal(source.read("u1", "train").pixels, Hubmap(other, None).read("u1", "test").pixels)
    assert str(other) in source.identity("u1", "train")
    with pytest.raises(InputError, match=r"comes from data\.unlabeled, without a mask"):
        source.instances("u1")
    assert source.table("test").image_ids == ["1"]


def test_the_pixel_size_that_is_given_holds_for_the_own_images_without_masks_too(folders, tmp_path):
    main, _ = folders
    own = tmp_path / "own"
    own.mkdir()
    write_set(own, {"id": "a"})
    write_set(own, {"id": "b"}, split="test")
    table = CombinedHubmap(own, COLOURS, 0.25, [], [own]).table("train")
    assert table.frame["pixel_um"].tolist() == [0.25, 0.25]
    assert "has_truth" not in CombinedHubmap(main, COLOURS, None, []).table("train").frame
