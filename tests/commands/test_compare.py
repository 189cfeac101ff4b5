import json

import numpy as np
import pandas as pd
import pytest
from omegaconf import OmegaConf

from hpa.cli import main
from hpa.inference.cells.held_out import write_held_out_cells
from hpa.stages import comparison
from hpa.sweeps.outcome import FAILED, FINISHED, JobOutcome, write_outcome
from tests.browser import assert_quiet, opened
from tests.test_configs import composed


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr(comparison, "RESAMPLES", 20)


def run_of(folder, noise: float, seed: int = 0, *words: str):
    """A run whose held-out probabilities are the truth with noise."""
    random = np.random.default_rng(0)
    truth = (random.random((120, 19)) < 0.3).astype(np.float32)
    random = np.random.default_rng(seed)
    probabilities = np.clip(truth + noise * random.standard_normal(truth.shape), 0, 1).astype(np.float32)
    image = np.repeat(np.arange(12), 10)
    labels = np.stack([truth[image == number].max(axis=0) for number in range(12)])[image]
    folder.mkdir()
    OmegaConf.save(composed("train", [f"seed={seed}", *words]), folder / "config.yaml")
    cells = pd.DataFrame(
        {"image_id": [f"{number:02d}" for number in image], "cell": np.tile(range(1, 11), 12), "fold": 0}
    )
    write_held_out_cells(folder, cells, probabilities, labels, truth)
    return str(folder)


def test_a_better_run_is_named_and_equal_ones_cannot_be_distinguished(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(comparison, "RESAMPLES", 20)
    good, bad = run_of(tmp_path / "good", 0.2), run_of(tmp_path / "bad", 2.0)
    assert main(["compare", bad, good]) == 0
    sentence = capsys.readouterr().out
    assert f"{good} is better than {bad}" in sentence
    assert " → " in sentence
    assert main(["compare", good, bad, good, "--json"]) == 0
    worse, same = json.loads(capsys.readouterr().out)["gains"]
    assert worse["interval"][1] < 0
    assert (same["gain"], same["interval"]) == (0, [0, 0])


def test_runs_that_differ_in_their_seed_are_one_recipe(tmp_path, capsys):
    first = [run_of(tmp_path / f"a{seed}", 1.0, seed) for seed in (0, 1, 2)]
    second = [run_of(tmp_path / f"b{seed}", 0.9, seed, "loss=focal") for seed in (0, 1, 2)]
    assert main(["compare", *first, *second, "--json"]) == 0
    (gain,) = json.loads(capsys.readouterr().out)["gains"]
    assert (gain["baseline_runs"], gain["runs"]) == (first, second)
    assert main(["compare", first[0], second[0], "--json"]) == 0
    (of_images,) = json.loads(capsys.readouterr().out)["gains"]
    assert gain["interval"][0] < gain["gain"] < gain["interval"][1]
    assert gain["gain"] != of_images["gain"]
    assert main(["compare", *first[:2]]) == 0  # a single recipe: its runs are compared
    assert "over images " in capsys.readouterr().out


@pytest.mark.parametrize("width_px", [400, 1280])
def test_a_page_shows_intervals_classes_and_images(tmp_path, browser, width_px):
    runs = [run_of(tmp_path / "<b>good", 0.2), run_of(tmp_path / "bad", 2.0, 0, "loss=focal")]
    page = tmp_path / "page.html"
    assert main(["compare", *runs, "--out", str(page)]) == 0
    with opened(browser, page, width_px) as tab:
        assert_quiet(tab, page)
        assert "is worse than" in tab.text("#answer")
        assert " → " in tab.read("document.querySelector('#answer .values:last-child').textContent")
        assert tab.read("document.querySelectorAll('#classes-1 tbody tr').length") == 19
        assert tab.read("document.querySelectorAll('#images-1 tbody tr').length") == 12


def test_a_sweep_is_ranked_and_its_words_are_weighed(tmp_path, capsys):
    for number, (loss, seed) in enumerate([("a", 0), ("a", 1), ("b", 0), ("b", 1)]):
        words = (f"loss={loss}", f"seed={seed}", "size=tiny", "rate=0.1")
        score = {"a": 0.2, "b": 0.6}[loss] + 0.01 * seed
        job = JobOutcome(words, str(number), FINISHED, 0, None, "val_image_map", {"val_image_map": score})
        write_outcome(tmp_path / str(number), job)
    write_outcome(tmp_path / "4", JobOutcome(("loss=a", "seed=0", "size=tiny", "rate=9"), "4", FAILED, 1, "why"))
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
    assert main(["compare", "--sweep", str(tmp_path)]) == 0
    best, *_, failed = capsys.readouterr().out.partition("\n\n")[0].splitlines()
    assert best.endswith("loss=b seed=1 rate=0.1"), best
    assert failed.endswith("loss=a seed=0 rate=9"), "what tells a failed job from the others is not shown"


@pytest.mark.parametrize("width_px", [400, 1280])
def test_a_page_shows_a_sweep(tmp_path, browser, width_px):
    for number, rate in enumerate([1e-4, 1e-2, 1e-3]):
        words = (f"rate={rate}", f"loss={'<b>' if number else 'a'}", "size=tiny")
        job = JobOutcome(words, str(number), FINISHED, 0, None, "val_image_map", {"val_image_map": rate**0.1})
        (tmp_path / str(number)).mkdir()
        write_outcome(tmp_path / str(number), job)
        history = pd.DataFrame({"epoch": [1, 2], "val_loss": [1.0, rate]})
        history.to_csv(tmp_path / str(number) / "metrics.csv", index=False)
    page = tmp_path / "page.html"
    assert main(["compare", "--sweep", str(tmp_path), "--out", str(page)]) == 0
    with opened(browser, page, width_px) as tab:
        assert_quiet(tab, page)
        assert "job 1" in tab.text("#answer")
        assert tab.read("document.querySelectorAll('.job').length") == 3
        assert tab.read("document.querySelectorAll('#learning .line').length") == 3 + 1
        assert tab.read("document.querySelectorAll('#importance tbody tr').length") == 2


@pytest.mark.parametrize("words", [[], ["one"], ["--sweep", "none"], ["a", "b", "--sweep", "c"]])
def test_what_cannot_be_compared_is_refused(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["compare", *words]) == 1
    assert "hpa compare:" in capsys.readouterr().err
