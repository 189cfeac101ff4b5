"""A byte that flips in the store never changes a score in silence: it is named, and made anew by the same command."""

from __future__ import annotations

import random

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

FLIPS = 2


@pytest.fixture(scope="module")
def start(warm, world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("damaged")
    words = ["data=kaggle_hpa", f"data.root={world}", "size=tiny", "model=tiny", "trainer.limit_batches=1.0"]
    words += [f"store.folder={folder / 'store'}", "report=false", "loading.workers=1"]

    def run(name: str) -> tuple[int, str, list[float]]:
        done = warm.run(["train.py", *words, f"run_dir={folder / name}"], cwd=folder)
        if done.returncode:
            return done.returncode, done.stderr, []
        metrics = pd.read_csv(folder / name / "metrics.csv")[["train_loss", "val_loss"]]
        return 0, done.stderr, metrics.to_numpy().ravel().tolist()

    return folder, run


@pytest.mark.thorough
def test_a_flipped_byte_is_named_or_made_anew_and_scores_stay(start):
    folder, run = start
    code, _, expected = run("undisturbed")
    assert code == 0
    files = sorted(path for path in (folder / "store").rglob("*") if path.is_file())
    sizes = [path.stat().st_size for path in files]
    choose = random.Random(0)
    named = False
    for flip in range(FLIPS):
        (path,) = choose.choices(files, sizes)  # any byte of the store is as likely
        content = bytearray(path.read_bytes())
        content[choose.randrange(len(content))] ^= 1 << choose.randrange(8)
        path.write_bytes(content)
        code, messages, metrics = run(f"{flip}_first")
        if code:
            assert code == 1
            (error,) = [line for line in messages.splitlines() if line.startswith("error: ")]
            assert str(path) in error
            assert "run the same command again" in error
            named = True
            code, messages, metrics = run(f"{flip}_again")
        assert code == 0, messages
        assert metrics == expected
        if named:
            break
    assert named  # a flip in the crops that train is met while they are read
