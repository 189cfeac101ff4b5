import pytest
import torch

from hpa.bundle.checkpoints import lean_run
from hpa.core.errors import InputError
from hpa.models.saved_run import read_saved_run
from tests.bundle.small_run import write_small_run


def test_a_lean_run_holds_what_inference_reads_and_no_more(tmp_path):
    run = write_small_run(tmp_path / "run")
    (run / "out_of_fold.parquet").write_bytes(b"table")
    whole = lean_run(run, tmp_path / "lean")
    lean = read_saved_run(tmp_path / "lean")
    assert (lean.config, lean.channels, lean.class_names, lean.epoch) == (
        whole.config, whole.channels, whole.class_names, whole.epoch,
    )  # fmt: skip
    assert lean.weights.keys() == whole.weights.keys()
    assert all(torch.equal(lean.weights[key], whole.weights[key]) for key in whole.weights)
    size_b = sum(value.nbytes for value in whole.weights.values())
    assert lean.path.stat().st_size < size_b + 200_000 < whole.path.stat().st_size
    assert (tmp_path / "lean" / "out_of_fold.parquet").read_bytes() == b"table"


def test_the_average_is_taken_where_a_run_kept_one(tmp_path):
    run = write_small_run(tmp_path / "run")
    file = run / "checkpoints" / "best.ckpt"
    content = torch.load(file, weights_only=True)
    average = {f"average.{key}": torch.ones_like(value) for key, value in content["state_dict"].items()}
    torch.save(content | {"state_dict": content["state_dict"] | average}, file)
    lean_run(file, tmp_path / "lean")
    assert all((value == 1).all() for value in read_saved_run(tmp_path / "lean").weights.values())


def test_a_view_does_not_take_its_storage_along(tmp_path):
    run = write_small_run(tmp_path / "run")
    file = run / "checkpoints" / "best.ckpt"
    content = torch.load(file, weights_only=True)
    content["state_dict"]["model.more"] = torch.zeros(10**6)[:3]
    torch.save(content, file)
    assert file.stat().st_size > 4 * 10**6
    lean_run(run, tmp_path / "lean")
    assert (tmp_path / "lean" / "checkpoints" / "best.ckpt").stat().st_size < 4 * 10**6


def test_a_run_without_a_finished_epoch_is_refused(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(InputError, match="no epoch was finished"):
        lean_run(tmp_path / "run", tmp_path / "lean")
