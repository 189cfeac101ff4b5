import os
import pickle
from pathlib import Path

import pytest
import torch

from hpa.core.errors import InputError
from hpa.models.saved_run import checkpoint_of, read_saved_run
from hpa.training.checkpoint import AtomicCheckpointIO, RunCheckpoints, link_into_place
from hpa.training.run_folder import RunFolder

STATE = {
    **{"epoch": 0, "global_step": 1, "pytorch-lightning_version": "2.5.0"},
    **{"state_dict": {}, "loops": {}, "callbacks": {}, "optimizer_states": [], "lr_schedulers": []},
}


@pytest.mark.parametrize("name", STATE)
def test_a_state_of_another_kind_is_refused_by_name(name, tmp_path):
    for other in ("yes", 1.5, None, True, ("a",)):
        if type(other) is type(STATE[name]):
            continue
        torch.save(STATE | {name: other}, tmp_path / "last.ckpt")
        with pytest.raises(InputError, match=rf"last\.ckpt: {name} is missing or of another kind .* resume= goes on"):
            AtomicCheckpointIO().load_checkpoint(tmp_path / "last.ckpt")


def test_a_state_that_is_none_or_damaged_is_refused(tmp_path):
    file = tmp_path / "last.ckpt"
    torch.save([1], file)
    with pytest.raises(InputError, match=r"last\.ckpt: epoch, global_step.* missing"):
        AtomicCheckpointIO().load_checkpoint(file)
    file.write_bytes(b"PK\3\4 torn")
    with pytest.raises(InputError, match=r"last\.ckpt: cannot be read safely"):
        AtomicCheckpointIO().load_checkpoint(file)


def test_what_is_written_is_read(tmp_path):
    file = tmp_path / "checkpoints" / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint(STATE | {"state_dict": {"a": torch.ones(3)}}, file)
    assert AtomicCheckpointIO().load_checkpoint(file)["state_dict"]["a"].tolist() == [1, 1, 1]
    assert [path.name for path in file.parent.iterdir()] == ["last.ckpt"]


def test_a_full_disk_keeps_the_old_checkpoint(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full, a device that is always full")
    file = tmp_path / "last.ckpt"
    AtomicCheckpointIO().save_checkpoint({"epoch": 1}, file)
    (tmp_path / f".last.ckpt.{os.getpid()}.part").symlink_to("/dev/full")
    with pytest.raises(InputError, match=r"could not be written.*kept"):
        AtomicCheckpointIO().save_checkpoint({"epoch": 2, "weights": torch.ones(1 << 20)}, file)
    assert torch.load(file, weights_only=True) == {"epoch": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["last.ckpt"]


def test_the_best_file_outlives_a_later_last(tmp_path):
    last, best = tmp_path / "last.ckpt", tmp_path / "best.ckpt"
    AtomicCheckpointIO().save_checkpoint({"epoch": 1}, last)
    link_into_place(last, best)
    AtomicCheckpointIO().save_checkpoint({"epoch": 2}, last)
    assert torch.load(best, weights_only=True) == {"epoch": 1}
    assert torch.load(last, weights_only=True) == {"epoch": 2}


@pytest.mark.parametrize(
    ("monitor", "scores", "best"),
    [
        ("val_image_map", [0.2, 0.5, 0.4], 1),
        ("val_loss", [0.2, 0.5, 0.1], 2),
        ("val_image_map", [0.5, 1.0, 1.0, 0.9], 2),
        ("val_image_map", [float("nan")] * 3, 2),
    ],
)
def test_the_best_epoch_is_kept(tmp_path, monitor, scores, best):
    callback = RunCheckpoints(tmp_path, monitor)
    kept = []
    for epoch, score in enumerate(scores):
        if callback.improves({monitor: torch.tensor(score)}, epoch):
            kept.append(epoch)
    assert kept[-1] == best
    assert callback.state_dict()["best_epoch"] == best


@pytest.mark.parametrize(("ties", "best"), [("later", 2), ("val_loss", 1), ("val_cell_map", 2)])
def test_of_equal_scores_the_later_one_or_a_second_number_decides(tmp_path, ties, best):
    callback = RunCheckpoints(tmp_path, "val_image_map", ties)
    for epoch, (loss, cells) in enumerate([(0.5, 0.1), (0.2, float("nan")), (0.3, 0.1)]):
        callback.improves(
            {
                name: torch.tensor(v)
                for name, v in [("val_image_map", 1.0), ("val_loss", loss), ("val_cell_map", cells)]
            },
            epoch,
        )
    assert callback.best_epoch == best


def test_a_second_number_that_nobody_logs_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"trainer\.ties=val_dice: no such number is logged; expected later or one of"):
        RunCheckpoints(tmp_path, "val_image_map", "val_dice").improves({"val_image_map": torch.tensor(1.0)}, 0)


class Attack:
    """An object whose pickle runs a command when it is read."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def test_an_arbitrary_pickle_is_refused_and_not_run(tmp_path):
    file, trap = tmp_path / "best.ckpt", tmp_path / "trap"
    file.write_bytes(pickle.dumps(Attack(trap), protocol=2))
    with pytest.raises(InputError, match="read safely"):
        read_saved_run(file)
    torch.save({"state_dict": Attack(trap)}, file)
    with pytest.raises(InputError, match="read safely"):
        read_saved_run(file)
    assert not trap.exists()


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 torn"])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    file = tmp_path / "best.ckpt"
    file.write_bytes(content)
    with pytest.raises(InputError, match=r"best\.ckpt"):
        read_saved_run(file)


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    file = tmp_path / "best.ckpt"
    torch.save({"state_dict": {}}, file)
    with pytest.raises(InputError, match="not a checkpoint of train"):
        read_saved_run(file)


def test_a_run_folder_names_its_best_checkpoint(tmp_path):
    with pytest.raises(InputError, match="no such run"):
        checkpoint_of(tmp_path / "nothing")
    with pytest.raises(InputError, match="no epoch"):
        checkpoint_of(tmp_path)
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "best.ckpt").touch()
    assert checkpoint_of(tmp_path) == tmp_path / "checkpoints" / "best.ckpt"


def test_a_kill_between_both_names_of_the_best_epoch_loses_neither(tmp_path):
    before = RunCheckpoints(tmp_path, "val_cell_map")
    before.last_is_best = before.improves({"val_cell_map": torch.tensor(0.5)}, 0)
    AtomicCheckpointIO().save_checkpoint({"epoch": 0, "state": before.state_dict()}, tmp_path / "last.ckpt")
    resumed = RunCheckpoints(tmp_path, "val_cell_map")
    resumed.load_state_dict(torch.load(tmp_path / "last.ckpt", weights_only=True)["state"])
    assert torch.load(tmp_path / "best.ckpt", weights_only=True)["epoch"] == 0

    resumed.last_is_best = resumed.improves({"val_cell_map": torch.tensor(0.4)}, 1)
    AtomicCheckpointIO().save_checkpoint({"epoch": 1, "state": resumed.state_dict()}, tmp_path / "last.ckpt")
    RunCheckpoints(tmp_path, "val_cell_map").load_state_dict(resumed.state_dict())
    assert torch.load(tmp_path / "best.ckpt", weights_only=True)["epoch"] == 0  # a worse epoch is only the last


def test_files_that_a_killed_process_left_unfinished_are_swept(tmp_path):
    run = RunFolder(tmp_path)
    left = [
        ".run.json.5f0c.part",
        "checkpoints/.last.ckpt.17.part",
        "held_out/.a.tif.9b.part",
        "pictures/.b.part/c.png",
    ]
    kept = ["run.json", "checkpoints/last.ckpt", "stages/0/checkpoints/.last.ckpt.18.part", ".hidden"]
    for name in (*left, *kept):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    run.sweep()
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()} == {*kept}


def test_a_file_that_is_linked_already_leaves_nothing_beside_it(tmp_path):
    (tmp_path / "last.ckpt").write_bytes(b"weights")
    for _ in range(2):
        link_into_place(tmp_path / "last.ckpt", tmp_path / "best.ckpt")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["best.ckpt", "last.ckpt"]
    assert (tmp_path / "best.ckpt").read_bytes() == b"weights"


def test_a_resumed_run_decides_between_equal_scores_as_it_is_set_now(tmp_path):
    before = RunCheckpoints(tmp_path, "val_image_map")
    before.improves({"val_image_map": torch.tensor(1.0), "val_loss": torch.tensor(0.2)}, 0)
    resumed = RunCheckpoints(tmp_path, "val_image_map", ties="val_loss")
    resumed.load_state_dict(before.state_dict())
    worse, better = ({"val_image_map": torch.tensor(1.0), "val_loss": torch.tensor(loss)} for loss in (0.3, 0.1))
    assert not resumed.improves(worse, 1)
    assert resumed.improves(better, 2)
