import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from wandb.proto import wandb_internal_pb2

from hpa.training.run_folder import JOB_FILE, RunFolder
from hpa.training.tracking import Belonging, tracked

WANDB = {
    "wandb": {
        "_target_": "hpa.training.wandb_tracking.WandbTracking",
        "project": "p",
        "entity": None,
        "group": None,
        "tags": ["t"],
        "notes": "why",
        "mode": "offline",
    }
}


def started(folder: Path) -> RunFolder:
    folder.mkdir(parents=True, exist_ok=True)
    return RunFolder(folder)


BLOCK_BYTES = 32768


def chunks(content: bytes) -> Iterator[bytes]:
    """Give the records of a log of LevelDB, which an offline run is: pieces that do not cross blocks of 32 KiB."""
    place, parts = 7, b""  # after wandb's own header
    while place + 7 <= len(content):
        left = BLOCK_BYTES - place % BLOCK_BYTES
        if left < 7:
            place += left
            continue
        length, kind = struct.unpack_from("<HB", content, place + 4)
        parts += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last piece
            yield parts
            parts = b""


def records(folder: Path) -> list:
    """Every record of the ended runs in a folder, as wandb's own messages."""
    return [record for file in sorted(folder.glob("wandb/offline-run-*/*.wandb")) for record in ended_run(file)]


def ended_run(file: Path) -> list:
    """Read a run to its end: the process that writes it may be late on a busy machine."""
    deadline = time.monotonic() + 30
    while True:
        found = [wandb_internal_pb2.Record.FromString(chunk) for chunk in chunks(file.read_bytes())]
        if any(record.WhichOneof("record_type") == "exit" for record in found):
            return found
        assert time.monotonic() < deadline, f"{file} has no end"
        time.sleep(0.1)


def test_a_run_is_named_by_its_folder_its_chain_and_its_sweep(tmp_path):
    assert Belonging.of(tmp_path / "run") == Belonging("run", None, "train")
    assert Belonging.of(tmp_path / "cv" / "stages" / "1" / "stages" / "0").group == "cv"
    job = tmp_path / "sweep" / "3"
    job.mkdir(parents=True)
    (job / JOB_FILE).write_text("{}")
    assert Belonging.of(job) == Belonging("sweep_3", "sweep", "train")
    assert Belonging.of(job / "stages" / "0") == Belonging("sweep_3_stages_0", "sweep_3", "stage 0")


@pytest.mark.slow
def test_folds_are_runs_of_their_own_in_one_group_and_a_resumed_run_is_the_same(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_RUN_ID", "ofagent")  # as an agent of a sweep of W&B sets them
    monkeypatch.setenv("WANDB_SWEEP_ID", "sweep")
    folders = [tmp_path / "cv" / "stages" / str(fold) for fold in (0, 1, 0)]
    for epoch, folder in enumerate(folders):
        with tracked(WANDB, started(folder), {"seed": 1}) as (logger,):
            logger.log_metrics({"val_loss": float(epoch)}, step=epoch)
    runs = {folder: [r.run for r in records(folder) if r.HasField("run")] for folder in folders}
    ids = {folder: {run.run_id for run in of_folder} for folder, of_folder in runs.items()}
    assert [len(found) for found in ids.values()] == [1, 1]
    assert not set.intersection(*ids.values())
    assert ids[folders[0]] == {"ofagent"}
    for number, of_folder in enumerate(runs.values()):
        assert {(run.run_group, run.job_type, run.display_name) for run in of_folder} == {
            ("cv", f"stage {number}", f"cv_stages_{number}")
        }
        assert list(of_folder[0].tags) == ["t"]
        assert of_folder[0].notes == "why"
    history = [item.value_json for r in records(folders[0]) for item in r.history.item if "val_loss" in str(item)]
    assert [float(value) for value in history] == [0.0, 2.0]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # MLflow's use of SQLAlchemy 2.1
def test_tensorboard_and_mlflow_log_side_by_side_and_go_on(tmp_path):
    pytest.importorskip("tensorboard")
    pytest.importorskip("mlflow")
    parts = {
        "tensorboard": {"_target_": "hpa.training.tracking.TensorboardTracking"},
        "mlflow": {"_target_": "hpa.training.tracking.MlflowTracking", "experiment": "e", "tracking_uri": None},
    }
    run = started(tmp_path / "run")
    for epoch in range(2):
        with tracked(parts, run, {"seed": epoch}) as loggers:
            for logger in loggers:
                logger.log_metrics({"val_loss": 0.5}, step=epoch)
                logger.finalize("success")
    assert list(run.path.glob("tensorboard/events*"))
    history = loggers[1].experiment.get_metric_history(run.facts()["mlflow_run"], "val_loss")
    assert [metric.step for metric in history] == [0, 1]
