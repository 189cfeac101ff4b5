import pytest

from hpa.core.errors import DataError, InputError
from hpa.sources.hubmap.submission import paired_masks
from tests.sources.hubmap_folder import ROW, write_table


def write(tmp_path, submission, truth):
    write_table(tmp_path / "sub.csv", submission, ["id", "rle"])
    write_table(tmp_path / "truth.csv", truth)
    return tmp_path / "sub.csv", tmp_path / "truth.csv"


def test_masks_are_paired_by_id_in_the_order_of_the_truth(tmp_path):
    submission = [{"id": "2", "rle": ""}, {"id": "1", "rle": "1 2"}]
    truth = [{**ROW, "id": "1"}, {**ROW, "id": "2", "organ": "spleen"}]
    first, second = paired_masks(*write(tmp_path, submission, truth))
    assert (first.image_id, first.organ, second.image_id, second.organ) == ("1", "lung", "2", "spleen")
    assert (first.predicted.starts.tolist(), first.predicted.stops.tolist()) == ([0], [2])
    assert (first.true.starts.tolist(), first.true.stops.tolist()) == ([21, 41], [24, 44])
    assert len(second.predicted.starts) == 0


def test_all_errors_are_reported_at_once(tmp_path):
    submission = [
        {"id": "1", "rle": "1 2 3"},
        {"id": "1", "rle": "1 2"},
        {"id": "", "rle": "1 2"},
        {"id": "x", "rle": "1 2"},
        {"id": "3", "rle": "600 2"},
    ]
    truth = [
        {**ROW, "id": "1"},
        {**ROW, "id": "2"},
        {**ROW, "id": "3", "rle": "5 x"},
        {**ROW, "id": "4", "img_height": "", "organ": ""},
    ]
    with pytest.raises(DataError) as caught:
        paired_masks(*write(tmp_path, submission, truth))
    told = str(caught.value)
    assert "sub.csv row 2 (1): column runs come in pairs" in told
    assert "sub.csv row 3 (1): the id stands in row 2 too; keep one" in told
    assert "sub.csv row 4 (no id): the id is blank" in told
    assert "sub.csv row 6 (3): a column run lies outside the image of 20 x 30" in told
    assert "truth.csv row 4 (3): column runs are positive whole numbers" in told
    assert "truth.csv row 5 (4): organ '', img_height ''" in told
    assert "2: has no row in the submission; add it" in told
    assert "4: has no row in the submission" in told
    assert "x: is not in the truth; take its row out" in told
    assert len(caught.value.problems) == 9


def test_tables_of_another_kind_are_refused(tmp_path):
    submission, truth = write(tmp_path, [{"id": "1", "rle": ""}], [{**ROW, "id": "1"}])
    with pytest.raises(InputError, match="organ, img_height, img_width missing"):
        paired_masks(submission, submission)
    with pytest.raises(InputError, match="the file is missing"):
        paired_masks(tmp_path / "none.csv", truth)
