"""infer.py in blocks: killed and gone on with, shared out and merged, within a budget."""

import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from hpa.app.infer import infer
from hpa.app.train import train
from hpa.cli import main
from hpa.config import plain
from hpa.core.channels import CHANNELS
from hpa.core.errors import InputError
from hpa.core.field import Field, Segmentation
from hpa.core.submission_table import PREDICTION_COLUMN, read_table
from hpa.inference.cells.workload import CellPredictors
from hpa.interfaces import SegmentedField
from hpa.models.saved_run import read_saved_run
from tests.warm import Started

pytestmark = pytest.mark.slow

CUT = ("block_images=1", "fields_at_once=1")


@pytest.fixture(scope="session")
def trained(composed, world, tmp_path_factory) -> list[Path]:
    """A run that was hardly trained, and the same with other weights."""
    folder = tmp_path_factory.mktemp("trained")
    run, other = folder / "run", folder / "other.ckpt"
    words = ("data=kaggle_hpa", f"data.root={world}", "size=tiny", "model=tiny", f"run_dir={run}")
    config = composed("train", *words, "trainer.max_epochs=1", "trainer.limit_batches=2")
    assert train(plain(config), {"model": "tiny", "loss": "focal"}, None) == 0
    content = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    state = content["state_dict"]
    changed = {name: value * 1.1 if value.is_floating_point() else value for name, value in state.items()}
    torch.save(content | {"state_dict": changed}, other)
    return [run, other]


@pytest.fixture
def infer_to(composed, trained):
    def run(out: Path, *overrides: str, ckpt=None) -> int:
        words = (f"ckpt={ckpt or trained[0]}", f"out={out}", "device=cpu", *CUT, *overrides)
        return infer(plain(composed("infer", *words)))

    return run


def test_merged_shards_are_the_bytes_of_one_run(infer_to, tmp_path):
    """Five shards of four blocks: the last part is empty."""
    parts = [tmp_path / f"part_{number}" for number in range(1, 6)]
    assert infer_to(tmp_path / "whole.csv") == 0
    for number, part in enumerate(parts, start=1):
        assert infer_to(part, f"shard={number}/5") == 0
    assert main(["merge", *map(str, parts), "--out", str(tmp_path / "merged.csv")]) == 0
    assert (tmp_path / "merged.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()


@pytest.mark.thorough
def test_processes_of_an_engine_write_the_bytes_of_one(infer_to, tmp_path):
    assert infer_to(tmp_path / "whole.csv", "also=cells") == 0
    words = ("also=cells", "engine=local", "engine.processes=2", "engine.threads=1")
    assert infer_to(tmp_path / "shared.csv", *words) == 0
    for suffix in (".csv", ".cells.parquet"):
        assert (tmp_path / f"shared{suffix}").read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()


def test_another_word_for_workers_is_refused(infer_to, tmp_path):
    with pytest.raises(InputError, match="workers=many: a number of threads is expected, or join"):
        infer_to(tmp_path / "out.csv", "workers=many")


def test_parts_of_other_settings_are_not_merged(infer_to, tmp_path, capsys):
    settings = ("segmenter=watershed", "segmenter.reach_um=20.0", "batch_cells=64", "precision=fp32")
    others = ("tta=flips", "fusion=product", "segmenter.reach_um=5.0", "batch_cells=3", "precision=bf16", "rules=edge")
    infer_to(tmp_path / "one", "shard=1/2", *settings)
    infer_to(tmp_path / "two", "shard=2/2", *settings, *others)
    assert main(["merge", str(tmp_path / "one"), str(tmp_path / "two"), "--out", str(tmp_path / "out.csv")]) == 1
    told = capsys.readouterr().err
    named = ("tta.symmetries", "fusion._target_", "segmenter.reach_um", "batch_cells", "precision", "rules")
    assert all(f"\n  {name}" in told for name in named)
    assert "segmenter.reach_um: 20.0, 5.0\n" in told


def test_parts_of_other_networks_are_not_merged(infer_to, trained, tmp_path, capsys):
    for number, run in enumerate(trained, start=1):
        infer_to(tmp_path / str(number), f"shard={number}/2", ckpt=run)
    assert main(["merge", str(tmp_path / "1"), str(tmp_path / "2"), "--out", str(tmp_path / "out.csv")]) == 1
    assert "\n  members.0.weights: " in capsys.readouterr().err


def test_where_a_network_and_its_data_lie_does_not_matter(composed, infer_to, trained, world, tmp_path):
    (tmp_path / "elsewhere").symlink_to(trained[0])
    (tmp_path / "data").symlink_to(world)
    infer_to(tmp_path / "1", "shard=1/2")
    data = ("data=kaggle_hpa", f"data.root={tmp_path / 'data'}")
    infer_to(tmp_path / "2", "shard=2/2", *data, ckpt=tmp_path / "elsewhere")
    assert main(["merge", str(tmp_path / "1"), str(tmp_path / "2"), "--out", str(tmp_path / "out.csv")]) == 0


@pytest.mark.parametrize("when_late", ["stop", "[drop_tta,drop_members]"])
def test_a_budget_that_is_over_leaves_blank_rows(infer_to, world, tmp_path, when_late):
    out = tmp_path / "out.csv"
    assert infer_to(out, "budget_hours=1e-7", f"when_late={when_late}") == 3
    assert [row.text for row in read_table(out, PREDICTION_COLUMN)] == [""] * 4
    assert main(["lint", str(out), "--sample", str(world / "sample_submission.csv")]) == 0
    assert infer_to(out) == 0
    assert all(row.text for row in read_table(out, PREDICTION_COLUMN))


def test_a_late_run_that_only_warns_predicts_all_images_as_configured(infer_to, tmp_path):
    out = tmp_path / "out.csv"
    assert infer_to(out, "budget_hours=1e-7", "when_late=warn") == 0
    assert all(row.text for row in read_table(out, PREDICTION_COLUMN))
    assert list(tmp_path.iterdir()) == [out]


def test_what_is_dropped_goes_step_by_step(composed, trained):
    both = "[" + ",".join(map(str, trained)) + "]"
    late = ("budget_hours=1", "when_late=[drop_tta,drop_members]")
    words = (f"ckpt={both}", "device=cpu", "tta=flips", "ensemble.weights=[1.0,2.0]", *late)
    config = plain(composed("infer", *words))
    runs = [read_saved_run(run) for run in trained]
    field = Field("a", np.random.default_rng(0).integers(0, 255, (4, 60, 60), np.uint8), CHANNELS, 0.08)
    cells = np.zeros((60, 60), np.int32)
    cells[5:30, 5:40] = 1
    fallbacks = CellPredictors(runs, config).fallbacks()
    assert [fallback.name for fallback in fallbacks] == [
        "as configured",
        "without test-time augmentation",
        "without test-time augmentation, with the first 1 of 2 members",
    ]
    predictions = [fallback.predictor.predict([SegmentedField(field, Segmentation(cells))]) for fallback in fallbacks]
    alone = plain(composed("infer", f"ckpt={trained[0]}", "device=cpu"))
    [expected] = CellPredictors(runs[:1], alone).fallbacks()
    [first] = expected.predictor.predict([SegmentedField(field, Segmentation(cells))])
    assert torch.equal(predictions[-1][0].probabilities, first.probabilities)
    assert not torch.equal(predictions[0][0].probabilities, predictions[1][0].probabilities)


@pytest.mark.parametrize(
    ("words", "count"),
    [
        (("when_late=stop", "tta=d4"), 1),
        (("when_late=drop_tta", "tta=d4"), 2),
        (("when_late=drop_tta", "tta=none"), 1),
        (("when_late=drop_tta", "tta=d4", "budget_hours=null"), 1),
        (("when_late=drop_members", "tta=d4"), 2),
    ],
)
def test_only_what_saves_time_is_a_step(composed, trained, words, count):
    both = "[" + ",".join(map(str, trained)) + "]"
    config = plain(composed("infer", f"ckpt={both}", "device=cpu", "budget_hours=1", *words))
    runs = [read_saved_run(run) for run in trained]
    assert len(CellPredictors(runs, config).fallbacks()) == count


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("when_late=never", "drop_tta"),
        ("when_late=[]", "drop_tta"),
        ("when_late=[warn,stop]", "drop_tta"),
        ("budget_hours=-1", "above 0"),
        ("shard=3/2", "shard=1/4"),
        ("shard=2", "shard=1/4"),
        ("block_images=0", "at least 1"),
    ],
)
def test_impossible_settings_are_errors(infer_to, tmp_path, override, words):
    with pytest.raises(InputError, match=words):
        infer_to(tmp_path / "out.csv", override)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_killed_or_interrupted_keeps_its_blocks_and_writes_the_bytes_of_an_undisturbed_one(
    warm, trained, world, tmp_path
):
    members = "[" + ",".join(map(str, trained)) + "]"
    data = ("data=kaggle_hpa", f"data.root={world}", "split=train")
    words = ["infer.py", f"ckpt={members}", *data, "tta=d4", *CUT]
    out = tmp_path / "out.csv"

    def start(path: Path) -> Started:
        return warm.start([*words, f"out={path}"])

    def blocks() -> int:
        return len(list(Path(f"{out}.parts").glob("block_*.json")))

    whole = start(tmp_path / "whole.csv")
    _, told = whole.communicate()
    assert whole.returncode == 0, told
    for number, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 130), (signal.SIGINT, 130)):
        done, process = blocks(), start(out)
        while blocks() == done and process.poll() is None:
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.1))
        process.send_signal(number)
        _, told = process.communicate()
        assert process.returncode == code, told
        assert "Traceback" not in told
        assert blocks() > done
        assert not out.exists()
        assert code < 0 or not Path(f"{out}.parts/lock").exists()
    last = start(out)
    _, told = last.communicate()
    assert last.returncode == 0, told
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"out.csv", "whole.csv"}
