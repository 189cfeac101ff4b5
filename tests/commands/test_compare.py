import json

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from hpa.cli import main
from hpa.inference.cells.held_out import write_held_out_cells
from hpa.sweeps.outcome import FAILED, FINISHED, JobOutcome, write_outcome
from tests.test_configs import composed


def run_of(folder, noise: float):
    """A run whose held-out probabilities are the truth with noise."""
    random = np.random.default_rng(0)
    truth = (random.random((120, 19)) < 0.3).astype(np.float32)
    probabilities = np.clip(truth + noise * random.standard_normal(truth.shape), 0, 1).astype(np.float32)
    image = np.repeat(np.arange(12), 10)
    labels = np.stack([truth[image == number].max(axis=0) for number in range(12)])[image]
    folder.mkdir()
    OmegaConf.save(composed("train", []), folder / "config.yaml")
    cells = pd.DataFrame(
        {"image_id": [f"{number:02d}" for number in image], "cell": np.tile(range(1, 11), 12), "fold": 0}
    )
    write_held_out_cells(folder, cells, probabilities, labels, truth)
    return str(folder)


def test_a_better_run_is_named_and_equal_ones_cannot_be_distinguished(tmp_path, capsys):
    good, bad = run_of(tmp_path / "good", 0.2), run_of(tmp_path / "bad", 2.0)
    assert main(["compare", bad, good]) == 0
    assert f"{good} is better than {bad}" in capsys.readouterr().out
    assert main(["compare", good, bad, good, "--json"]) == 0
    worse, same = json.loads(capsys.readouterr().out)["gains"]
    assert worse["interval"][1] < 0
    assert (same["gain"], same["interval"]) == (0, [0, 0])


def test_a_sweep_is_ranked_and_its_words_are_weighed(tmp_path, capsys):
    for number, (loss, seed) in enumerate([("a", 0), ("a", 1), ("b", 0), ("b", 1)]):
        words = (f"loss={loss}", f"seed={seed}", "size=tiny")
        score = {"a": 0.2, "b": 0.6}[loss] + 0.01 * seed
        job = JobOutcome(words, str(number), FINISHED, 0, None, "val_image_map", {"val_image_map": score})
        write_outcome(tmp_path / str(number), job)
    write_outcome(tmp_path / "4", JobOutcome(("loss=c",), "4", FAILED, 1, "why"))
    assert main(["compare", "--sweep", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [job["folder"] for job in found["jobs"]] == ["3", "2", "1", "0", "4"]
    assert found["jobs"][-1]["reason"] == "why"
    assert found["importance"]["loss"] == pytest.approx(0.04 / (0.04 + 0.000025))
    assert set(found["importance"]) == {"loss", "seed"}
    assert found["parallel"]["axes"] == [
        {"key": "loss", "kind": "category", "values": ["a", "b"]},
        {"key": "seed", "kind": "number"},
        {"key": "val_image_map", "kind": "number"},
    ]
    assert found["parallel"]["lines"][0] == {"folder": "3", "values": ["b", 1.0, pytest.approx(0.61)]}
    assert len(found["parallel"]["lines"]) == 4


@pytest.mark.parametrize("words", [[], ["one"], ["--sweep", "none"], ["a", "b", "--sweep", "c"]])
def test_what_cannot_be_compared_is_refused(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["compare", *words]) == 1
    assert "hpa compare:" in capsys.readouterr().err
