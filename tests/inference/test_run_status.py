import json
import os

import pytest

from hpa.cli import main
from hpa.core.errors import InputError
from hpa.inference.run_status import run_status
from hpa.inference.work_folder import work_path


@pytest.fixture
def run(run_pipeline, source, make_field):
    for number in range(7):
        source.add(make_field(f"i{number}", number % 4, 30 + number, 40, seed=number))
    return lambda **changes: run_pipeline(source, **{"block_images": 2, "fields_at_once": 1} | changes)


def interrupted(run, rows, **changes):
    def stop(done, total):
        if done == rows:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(on_progress=stop, **changes)


@pytest.mark.parametrize("shared", [True, False])
def test_a_run_is_seen_while_it_goes_on(run, source, tmp_path, shared):
    (source.folder / "i0.npy").unlink()
    seen = []
    run(shared=shared, on_progress=lambda *_: seen.append(run_status(tmp_path / "submission.csv")))
    status = seen[4]
    assert (status.state, status.images, status.blocks) == ("running", 7, 4)
    assert (status.images_done, status.blocks_done, status.blocks_running) in {(4, 2, 1), (3, 2, 1)}
    assert status.workers[0].startswith(f"process {os.getpid()} on ")
    assert status.eta_s == pytest.approx((7 - status.images_done) * 3600 / status.images_per_hour)
    assert not seen[0].eta_s


def test_failed_images_are_named(run, source, tmp_path, capsys):
    (source.folder / "i0.npy").unlink()
    interrupted(run, 5)
    assert main(["status", str(tmp_path / "submission.csv")]) == 0
    printed = capsys.readouterr().out
    assert "interrupted: 4 of 7 images (57%)" in printed
    assert "failed   i0: " in printed
    assert "repeat its command to go on" in printed


def test_a_finished_shared_run_is_known_by_its_note(run, tmp_path, capsys):
    run(shared=True)
    assert main(["status", str(tmp_path / "submission.csv"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["state"], found["images"], found["images_done"], found["blocks_done"]) == ("finished", 7, 7, 4)
    assert found["eta_s"] == 0


def test_a_shard_counts_its_own_images(run, tmp_path):
    from hpa.inference.blocks import Shard

    interrupted(run, 3, shard=Shard(1, 2))
    status = run_status(tmp_path / "submission.csv")
    assert (status.images, status.blocks, status.images_done) == (4, 2, 2)


def test_a_pause_between_two_runs_is_no_pace(run, tmp_path):
    interrupted(run, 7)
    files = sorted(work_path(tmp_path / "submission.csv").glob("block_*.json"))
    for number, path in enumerate(files):
        at = 1e9 + 10 * number + (86400 if number == 2 else 0)
        os.utime(path, (at, at))
    assert run_status(tmp_path / "submission.csv").images_per_hour == pytest.approx(720)


@pytest.mark.parametrize(("there", "words"), [(True, "is complete"), (False, "no run of infer.py is writing this")])
def test_where_no_run_is_the_reason_is_given(tmp_path, there, words):
    if there:
        (tmp_path / "out.csv").write_text("ID\n")
    with pytest.raises(InputError, match=words):
        run_status(tmp_path / "out.csv")
