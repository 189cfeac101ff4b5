import csv
import logging
import time

import numpy as np
import pytest

from hpa.core.encoding import decode_mask
from hpa.core.errors import InputError, Problem
from hpa.core.submission import parse_prediction
from hpa.inference.cells.fusion import ProductFusion
from hpa.inference.rules.edge import EdgeRule


@pytest.fixture
def run(run_pipeline, source):
    """Runs the pipeline on the source's images."""
    return lambda table=None, **changes: run_pipeline(source, table, **changes)


@pytest.fixture
def images(source, make_field):
    """Five images of different sizes: one without cells, one with more than 255."""
    sizes = [("b", 6, 64, 96), ("none", 0, 30, 50), ("a", 1, 33, 20), ("crowd", 330, 100, 160), ("c", 4, 90, 40)]
    items = [make_field(name, cells, *size, seed=seed) for seed, (name, cells, *size) in enumerate(sizes)]
    for item in items:
        source.add(item)
    return items


class Notifying:
    """The source as a segmenter that calls back with each field's id."""

    def __init__(self, source, callback, channels=()):
        self.source = source
        self.callback = callback
        self.channels = channels

    def segment(self, fields):
        self.callback(fields[0].image_id)
        return self.source.segment(fields)

    def fingerprint(self):
        return self.source.fingerprint()


def rows_of(path):
    csv.field_size_limit(10**9)
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def left_behind(folder):
    return sorted(path.name for path in folder.iterdir() if path.name != "images")


def test_every_image_has_its_row_with_every_cell_and_class(run, images, tmp_path, make_member, position_model):
    result = run()
    assert (result.image_count, result.object_count, result.failed) == (5, 341, ())
    assert not result.all_failed
    assert {"read", "segment", "encode", "predict", "finish", "total"} <= set(result.seconds)
    rows = rows_of(tmp_path / "submission.csv")
    assert list(rows[0]) == ["ID", "ImageWidth", "ImageHeight", "PredictionString"]
    expected = make_member(position_model()).predict(images)
    for item, row, prediction in zip(images, rows, expected, strict=True):
        cells = item.segmentation.cells
        assert (row["ID"], int(row["ImageHeight"]), int(row["ImageWidth"])) == (item.field.image_id, *cells.shape)
        found = parse_prediction(row["PredictionString"])
        assert found.classes.tolist() == [0, 1, 2] * cells.max()
        np.testing.assert_allclose(found.confidences, prediction.probabilities.numpy().ravel(), atol=1e-6)
        for number in range(cells.max()):
            mask = decode_mask(found.masks[3 * number], *cells.shape)
            assert np.array_equal(mask, cells == number + 1)


@pytest.mark.parametrize(("fields_at_once", "workers"), [(1, 1), (3, 4), (50, 2)])
def test_the_sizes_of_groups_do_not_show(run, images, tmp_path, fields_at_once, workers):
    run()
    run(out=tmp_path / "other.csv", fields_at_once=fields_at_once, workers=workers)
    for one, other in zip(rows_of(tmp_path / "submission.csv"), rows_of(tmp_path / "other.csv"), strict=True):
        first, second = parse_prediction(one.pop("PredictionString")), parse_prediction(other.pop("PredictionString"))
        assert one == other
        assert first.masks == second.masks
        np.testing.assert_allclose(first.confidences, second.confidences, atol=1e-6)


def test_the_bytes_do_not_depend_on_the_timing_of_threads(run, images, source, tmp_path):
    uneven = Notifying(source, lambda image_id: time.sleep(0.02 if image_id in "ab" else 0))
    run()
    run(out=tmp_path / "other.csv", segmenter=uneven, workers=4)
    assert (tmp_path / "other.csv").read_bytes() == (tmp_path / "submission.csv").read_bytes()


def test_fusion_and_rules_change_the_confidences_in_turn(run, images, tmp_path, make_member, position_model):
    rule = EdgeRule(full_area_at_edge_um2=1.0, full_area_inside_um2=0.5)
    run(fusion=ProductFusion("mean", []), rules=[rule, rule])
    [prediction] = make_member(position_model()).predict(images[:1])
    expected = rule(images[0], rule(images[0], ProductFusion("mean", [])(prediction)))
    found = parse_prediction(rows_of(tmp_path / "submission.csv")[0]["PredictionString"])
    np.testing.assert_allclose(found.confidences, expected.ravel(), atol=1e-6)


def test_bad_images_keep_blank_rows_and_are_logged(run, images, source, tmp_path, caplog):
    broken = source.folder / "a.npy"
    broken.write_bytes(broken.read_bytes()[:-100])
    (source.folder / "b.npy").unlink()
    table = source.table("test", [Problem("c", "blue is black"), Problem("c", "red is cut"), Problem("row 9", "no id")])
    with caplog.at_level(logging.WARNING):
        result = run(table)
    assert [problem.subject for problem in result.failed] == ["b", "a", "c"]
    assert "is missing; copy it there" in result.failed[0].reason
    assert not result.failed[0].reason.startswith("b:")
    assert result.failed[1].reason.startswith("ValueError: ")
    assert result.failed[2].reason == "blue is black; red is cut"
    assert all(str(problem) in caplog.text for problem in result.failed)
    assert "row 9: no id" in caplog.text
    rows = {row["ID"]: row for row in rows_of(tmp_path / "submission.csv")}
    assert list(rows) == ["b", "none", "a", "crowd", "c"]
    assert [name for name, row in rows.items() if not row["PredictionString"]] == ["b", "none", "a", "c"]
    assert (rows["c"]["ImageHeight"], rows["c"]["ImageWidth"]) == ("90", "40")
    assert result.object_count == 330


def test_only_unexpected_errors_are_logged_with_their_traceback(run, images, source, caplog):
    (source.folder / "b.npy").unlink()
    (source.folder / "a.cells.npy").write_bytes(b"junk")
    with caplog.at_level(logging.WARNING):
        run()
    assert {record.args[0].subject: bool(record.exc_info) for record in caplog.records} == {"b": False, "a": True}


def test_an_image_that_the_network_refuses_does_not_take_others_with_it(run, images, source, tmp_path):
    np.save(source.folder / "b.cells.npy", np.ones((5, 5), np.int32))
    expected = run(fields_at_once=1).failed
    alone = (tmp_path / "submission.csv").read_bytes()
    result = run(fields_at_once=5)
    assert [problem.subject for problem in result.failed] == ["b"]
    assert "size of the field" in result.failed[0].reason
    assert result.failed == expected
    assert (tmp_path / "submission.csv").read_bytes() == alone


def test_the_result_states_when_every_image_failed(run, images, source, tmp_path):
    for name in source.sizes:
        (source.folder / f"{name}.npy").unlink()
    result = run()
    assert result.all_failed
    assert result.object_count == 0
    assert len(rows_of(tmp_path / "submission.csv")) == 5


def test_no_image_is_an_input_error(run, source, tmp_path):
    with pytest.raises(InputError, match="no image"):
        run()
    assert left_behind(tmp_path) == []


def test_a_channel_that_the_segmenter_misses_fails_before_anything_is_read(run, images, source):
    seen = []
    with pytest.raises(InputError, match="needs violet"):
        run(segmenter=Notifying(source, seen.append, channels=("blue", "violet")))
    assert seen == []


@pytest.mark.parametrize("changes", [{"fields_at_once": 0}, {"workers": 0}])
def test_impossible_settings_fail_at_once(run, images, changes):
    with pytest.raises(InputError, match="at least 1"):
        run(**changes)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_a_run_that_is_interrupted_in_its_first_block_leaves_the_older_file_and_nothing_else(
    run, images, tmp_path, error
):
    out = tmp_path / "submission.csv"
    out.write_text("older")

    def interrupt(done, total):
        if done == 2:
            raise error

    with pytest.raises(error):
        run(on_progress=interrupt)
    assert out.read_text() == "older"
    assert left_behind(tmp_path) == ["submission.csv"]


@pytest.fixture
def almost_full_disk():
    """No file may grow beyond a few kB; the system answers as a full disk does."""
    resource = pytest.importorskip("resource", reason="limits of file sizes need a POSIX system")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_an_input_error_and_nothing_is_left(run, images, tmp_path, almost_full_disk):
    with pytest.raises(InputError, match="free some space"):
        run()
    assert left_behind(tmp_path) == []


def test_a_place_that_cannot_be_written_is_an_input_error(run, images, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file is in its way .* name another place"):
        run(out=tmp_path / "file" / "submission.csv")


def test_progress_counts_every_image(run, images, source):
    (source.folder / "a.npy").unlink()
    seen = []
    run(on_progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def test_memory_is_bounded_however_many_images_there_are(run, source, make_field):
    for number in range(40):
        source.add(make_field(f"i{number}", 1, 20, 20))
    begun, ahead = [], []
    segmenter = Notifying(source, begun.append)
    run(segmenter=segmenter, fields_at_once=3, workers=2, on_progress=lambda done, _: ahead.append(len(begun) - done))
    assert max(ahead) <= 3 * 3
