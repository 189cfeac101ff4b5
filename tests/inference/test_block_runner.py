"""A run that is cut short goes on, block by block, to the bytes of an undisturbed one."""

import contextlib
import itertools
import json
import logging
import threading
from pathlib import Path

import numpy as np
import pytest

from hpa.core.errors import InputError, Problem
from hpa.inference.budget import AS_CONFIGURED, Budget, Fallback
from hpa.inference.submission_file import OUT_OF_TIME, fallbacks_path
from hpa.inference.work_folder import work_path

IMAGES = 7


@pytest.fixture
def images(source, make_field):
    for number in range(IMAGES):
        source.add(make_field(f"i{number}", number % 4, 30 + number, 40, seed=number))
    return source


@pytest.fixture
def run(run_pipeline, images):
    return lambda **changes: run_pipeline(images, **{"block_images": 3, "fields_at_once": 2} | changes)


@pytest.fixture
def whole(run, tmp_path):
    out = tmp_path / "whole.csv"
    run(out=out)
    return out.read_bytes()


def interrupt_after(rows):
    def on_progress(done, total):
        if done == rows:
            raise KeyboardInterrupt

    return on_progress


def interrupted(run, rows, **changes):
    with pytest.raises(KeyboardInterrupt):
        run(on_progress=interrupt_after(rows), **changes)


class Ids:
    """Writes the ids and cell counts of each block, then of all."""

    suffix = ".ids"

    def __init__(self):
        self.seen = []

    def start(self, block):
        self.file = Path(f"{block}.ids")
        self.lines = []

    def add(self, record):
        self.lines.append(f"{record.segmented.field.image_id} {len(record.confidences)}\n")

    def finish(self):
        self.seen += self.lines
        self.file.write_text("".join(self.lines))

    def join(self, blocks, out):
        out.with_suffix(".ids").write_text("".join(Path(f"{block}.ids").read_text() for block in blocks))


class Counted:
    """A predictor that counts the images it predicts."""

    def __init__(self, predictor):
        self.predictor = predictor
        self.images = []

    def predict(self, fields):
        self.images += [field.field.image_id for field in fields]
        return self.predictor.predict(fields)


@pytest.mark.parametrize("rows", range(1, IMAGES + 1))
def test_a_run_goes_on_wherever_it_was_cut_short(run, whole, tmp_path, rows):
    interrupted(run, rows)
    result = run()
    assert (tmp_path / "submission.csv").read_bytes() == whole
    assert result.kept == (rows - 1) // 3
    assert result.image_count == IMAGES
    assert not work_path(tmp_path / "submission.csv").exists()


def test_what_is_done_is_not_done_again(run, whole, make_member, position_model):
    interrupted(run, 5)
    predictor, progress = Counted(make_member(position_model())), []
    run(predictor=predictor, on_progress=lambda *counts: progress.append(counts))
    assert predictor.images == ["i3", "i4", "i5", "i6"]
    assert progress[0] == (3, IMAGES)
    assert progress[-1] == (IMAGES, IMAGES)


def test_other_settings_are_refused_by_name_until_the_parts_are_deleted(run, tmp_path):
    interrupted(run, 5, settings={"tta": {"average": "logits"}})
    with pytest.raises(InputError, match=r"tta.average: logits, ranks\n.*delete submission.csv.parts to start over"):
        run(settings={"tta": {"average": "ranks"}})
    with pytest.raises(InputError, match="block_images: 3, 2"):
        run(settings={"tta": {"average": "logits"}}, block_images=2)
    run(settings={"tta": {"average": "logits"}})
    run(settings={"tta": {"average": "ranks"}})


def test_another_list_of_images_is_refused(run, images, make_field):
    interrupted(run, 5)
    images.add(make_field("more", 1))
    with pytest.raises(InputError, match="\n  images: "):
        run()


def test_settings_may_change_while_no_block_is_done(run, whole, tmp_path):
    interrupted(run, 2, settings={"split": "train"})
    assert not work_path(tmp_path / "submission.csv").exists()
    run(settings={"split": "test"})


def test_a_mended_image_is_read_again(run, images, whole, tmp_path, monkeypatch):
    path = images.folder / "i1.npy"
    good = path.read_bytes()
    path.write_bytes(good[:-50])
    monkeypatch.setattr(images, "identity", lambda image_id, split: str((images.folder / f"{image_id}.npy").stat()))
    interrupted(run, 5)
    path.write_bytes(good)
    result = run()
    assert result.failed == ()
    assert (tmp_path / "submission.csv").read_bytes() == whole


def test_failures_of_an_earlier_run_are_logged_again(run, images, caplog):
    (images.folder / "i1.npy").unlink()
    interrupted(run, 5)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        result = run()
    assert [problem.subject for problem in result.failed] == ["i1"]
    assert "i1: " in caplog.text
    assert "3 images were done before" in caplog.text


@pytest.mark.parametrize("torn", ["block_00000.csv", "block_00000.json"])
def test_a_block_that_is_not_whole_is_made_again(run, whole, tmp_path, torn):
    interrupted(run, 5)
    path = work_path(tmp_path / "submission.csv") / torn
    path.write_bytes(path.read_bytes()[:-1])
    assert run().kept == 0
    assert (tmp_path / "submission.csv").read_bytes() == whole


def test_a_block_with_a_changed_byte_is_made_again(run, whole, tmp_path):
    interrupted(run, 5)
    path = work_path(tmp_path / "submission.csv") / "block_00000.csv"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    assert run().kept == 0
    assert (tmp_path / "submission.csv").read_bytes() == whole


@pytest.mark.parametrize("content", [None, b"torn"])
def test_a_block_whose_sink_lost_a_file_is_made_again(run, images, tmp_path, caplog, content):
    run(out=tmp_path / "whole.csv", sinks=[Ids()])
    interrupted(run, 5, sinks=[Ids()])
    path = work_path(tmp_path / "submission.csv") / "block_00000.ids"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert run(sinks=[Ids()]).kept == 0
    assert "missing or damaged" in caplog.text
    assert (tmp_path / "submission.ids").read_bytes() == (tmp_path / "whole.ids").read_bytes()


@pytest.mark.parametrize("removals", range(12))
def test_a_run_killed_while_it_cleans_up_loses_no_cell(run, tmp_path, monkeypatch, removals):
    run(out=tmp_path / "whole.csv", sinks=[Ids()])
    done = []
    really_unlink = Path.unlink

    def unlink(path, missing_ok=False):
        if path.name != "lock" and path.exists():
            if len(done) == removals:
                raise KeyboardInterrupt
            done.append(path)
        really_unlink(path, missing_ok)

    with monkeypatch.context() as patch, contextlib.suppress(KeyboardInterrupt):
        run(sinks=[Ids()], on_progress=lambda *counts: counts[0] == IMAGES and patch.setattr(Path, "unlink", unlink))
    run(sinks=[Ids()])
    for suffix in (".csv", ".ids"):
        assert (tmp_path / f"submission{suffix}").read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()
    assert not work_path(tmp_path / "submission.csv").exists()


def test_an_image_replaced_after_its_block_was_done_is_predicted_again(run, images, tmp_path, monkeypatch):
    path, replaced = images.folder / "i1.npy", []
    monkeypatch.setattr(images, "identity", lambda image_id, split: f"{image_id} {path.stat().st_mtime_ns}")

    def replace(done, total):
        if done == 5 and not replaced:
            replaced.append(path)
            np.save(path, 255 - np.load(path))

    run(on_progress=replace)
    run(out=tmp_path / "expected.csv")
    assert (tmp_path / "submission.csv").read_bytes() == (tmp_path / "expected.csv").read_bytes()


def test_images_that_never_stop_changing_end_the_run(run, images, tmp_path, monkeypatch):
    counter = itertools.count()
    monkeypatch.setattr(images, "identity", lambda image_id, split: str(next(counter)))
    with pytest.raises(InputError, match="being replaced"):
        run()
    assert not (tmp_path / "submission.csv").exists()


def test_a_torn_manifest_is_an_error_with_the_way_to_start_over(run, tmp_path):
    interrupted(run, 5)
    (work_path(tmp_path / "submission.csv") / "manifest.json").write_text("{")
    with pytest.raises(InputError, match=r"delete .*submission.csv.parts to start over"):
        run()


def test_leftovers_of_killed_writers_are_removed(run, whole, tmp_path):
    interrupted(run, 5)
    (work_path(tmp_path / "submission.csv") / ".block_00001.csv.0123.part").write_text("torn")
    for name in (".submission.csv.0123.part", ".submission.csv.fallbacks.json.0123.part", ".other.csv.0123.part"):
        (tmp_path / name).write_text("torn")
    run()
    assert not work_path(tmp_path / "submission.csv").exists()
    assert (tmp_path / "submission.csv").read_bytes() == whole
    assert [path.name for path in tmp_path.glob(".*")] == [".other.csv.0123.part"]


def test_two_runs_on_one_output_refuse_each_other(run, whole, tmp_path):
    entered, leave = threading.Event(), threading.Event()

    def wait(done, total):
        entered.set()
        assert leave.wait(60)

    first = threading.Thread(target=lambda: run(on_progress=wait))
    first.start()
    try:
        assert entered.wait(60)
        with pytest.raises(InputError, match="writes this output now"):
            run()
    finally:
        leave.set()
        first.join()
    assert (tmp_path / "submission.csv").read_bytes() == whole


def test_other_writers_get_every_image_once_across_kills(run, images, tmp_path):
    (images.folder / "i4.npy").unlink()
    first, second = Ids(), Ids()
    interrupted(run, 5, sinks=[first])
    run(sinks=[second])
    assert [line.split()[0] for line in first.seen] == ["i0", "i1", "i2"]
    assert [line.split()[0] for line in second.seen] == ["i3", "i5", "i6"]
    assert (tmp_path / "submission.ids").read_text() == "i0 0\ni1 1\ni2 2\ni3 3\ni5 1\ni6 2\n"


def test_a_disk_that_gets_full_keeps_the_blocks_before_it(run, images, make_field, tmp_path):
    resource = pytest.importorskip("resource", reason="limits of file sizes need a POSIX system")
    images.add(make_field("i6", 60, 200, 200))  # the last block is too large
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(InputError, match="run the same command again: what was written is kept"):
            run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not (tmp_path / "submission.csv").exists()
    assert not list(work_path(tmp_path / "submission.csv").glob(".*"))
    assert run().kept == 2


def test_images_without_time_stay_blank_and_the_same_command_goes_on(run, whole, tmp_path):
    out = tmp_path / "submission.csv"
    result = run(budget=Budget(1e-9, 0.0, True))
    assert (result.skipped_count, result.object_count, result.failed) == (IMAGES, 0, ())
    assert len(out.read_bytes().splitlines()) == 1 + IMAGES
    assert json.loads(fallbacks_path(out).read_text()) == {OUT_OF_TIME: [f"i{number}" for number in range(IMAGES)]}
    assert run().skipped_count == 0
    assert out.read_bytes() == whole
    assert not fallbacks_path(out).exists()
    assert not work_path(out).exists()


def test_a_plan_that_changes_half_way_is_noted_image_by_image(run, tmp_path, make_member, position_model):
    rich = make_member(position_model())

    class Slow:
        """Takes far longer than the budget has for every image."""

        def predict(self, fields):
            elapsed.append(1)
            return rich.predict(fields)

    elapsed: list[int] = []
    fallbacks = [Fallback(AS_CONFIGURED, Slow()), Fallback("cheaper", rich)]
    result = run(fallbacks=fallbacks, budget=Budget(1e-9, 0.0, False))
    noted = json.loads(fallbacks_path(tmp_path / "submission.csv").read_text())
    assert noted == {AS_CONFIGURED: ["i0", "i1", "i2"], "cheaper": ["i3", "i4", "i5", "i6"]}
    assert result.skipped_count == 0
    assert len(elapsed) == 2


def test_large_images_go_alone_and_few_of_them_are_in_memory(source, run_pipeline, make_field, tmp_path):
    for number in range(12):
        source.add(make_field(f"i{number}", 1, 50, 50))
    begun, ahead, finished = [], [], []

    class Counting:
        channels = ()

        def segment(self, fields):
            begun.append(1)
            return source.segment(fields)

        def fingerprint(self):
            return {}

    run_pipeline(
        source,
        segmenter=Counting(),
        block_images=5,
        fields_at_once=8,
        megapixels_at_once=0.0025,
        workers=2,
        on_progress=lambda done, total: (ahead.append(len(begun) - done), finished.append(done)),
    )
    assert finished[-1] == 12
    assert max(ahead) <= 2 + 1 + 2 + 1  # prepared, predicted, formatted, and the one just begun


def test_problems_of_the_table_decide_whether_a_block_is_kept(run, images, whole, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(on_progress=interrupt_after(5), table=images.table("test", [Problem("i2", "blue is black")]))
    result = run()
    assert result.kept == 0
    assert (tmp_path / "submission.csv").read_bytes() == whole


def test_stored_label_maps_that_changed_are_read_again(run, images, tmp_path):
    class Stored:
        channels = ()

        def segment(self, fields):
            return images.segment(fields)

        def fingerprint(self):
            return {"segmenter": "stored"}

        def fingerprint_of(self, image_id):
            return {"mtime": (images.folder / f"{image_id}.cells.npy").stat().st_mtime_ns}

    interrupted(run, 5, segmenter=Stored())
    np.save(images.folder / "i0.cells.npy", np.ones((30, 40), np.int32))
    result = run(segmenter=Stored())
    assert result.kept == 0
    assert result.object_count == 1 + 1 + 2 + 3 + 0 + 1 + 2
