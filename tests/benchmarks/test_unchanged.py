import numpy as np
import pandas as pd
import pytest
import tifffile
import torch

from benchmarks.unchanged import CASES, FORMER_NAMES
from benchmarks.unchanged_results import differences, differs


@pytest.fixture
def folders(tmp_path):
    """Two folders with the same results under other names of layers, columns and keys, and other seconds."""
    for name, prefix in (("before", "head"), ("after", "classifier")):
        folder = tmp_path / name / "run"
        folder.mkdir(parents=True)
        (tmp_path / name / "done.json").write_text("[0]")
        state = {f"{prefix}.weight": torch.arange(6.0).view(2, 3), f"{prefix}.bias": torch.ones(2)}
        torch.save({"state_dict": state}, folder / "best.ckpt")
        seconds = 1.0 if prefix == "head" else 2.0
        pd.DataFrame({"epoch": [0], f"{prefix}_map": [0.5], "seconds": [seconds]}).to_csv(folder / "metrics.csv")
        pd.DataFrame({prefix: [0.1, np.nan]}).to_parquet(folder / "cells.parquet")
        tifffile.imwrite(folder / "a.tif", np.eye(4, dtype=np.uint16), description=prefix)
        (folder / "0.out").write_text(f'{{"{prefix}": {{"n": 0.25}}}}')
        (folder / "1.out").write_text(f"{prefix}: done in {seconds} s")
    return tmp_path / "before", tmp_path / "after"


def test_other_names_and_seconds_are_no_difference(folders):
    assert differences(*folders) == ([], 7)


@pytest.mark.parametrize("name", ["best.ckpt", "metrics.csv", "cells.parquet", "a.tif", "0.out"])
def test_every_changed_value_is_found(folders, name):
    file = folders[1] / "run" / name
    match file.suffix:
        case ".ckpt":
            torch.save({"state_dict": {"a": torch.arange(6.0).view(2, 3), "b": torch.tensor([1, 1 + 1e-7])}}, file)
        case ".csv":
            file.write_text(file.read_text().replace("0.5", "0.5000001"))
        case ".parquet":
            pd.DataFrame({"p": [0.1, 0.2]}).to_parquet(file)
        case ".tif":
            tifffile.imwrite(file, np.eye(4, k=1, dtype=np.uint16))
        case ".out":
            file.write_text('{"x": {"n": 0.26}}')
    assert differs(folders[0] / "run" / name, file)
    problems, _ = differences(*folders)
    assert [problem.partition(":")[0] for problem in problems] == [f"run/{name}"]


def test_a_missing_result_is_found(folders):
    (folders[1] / "run" / "a.tif").unlink()
    assert differences(*folders)[0] == ["run/a.tif: missing"]


def test_every_former_name_belongs_to_a_command():
    lines = [line for case in CASES.values() for line in case]
    assert all(any(now in line for line in lines) for now, _ in FORMER_NAMES)
