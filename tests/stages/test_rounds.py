"""Rounds from the command line's config to weights: nobody labels what it has seen, and a kill changes nothing."""

import json
import re
import shutil
import signal
import time
from pathlib import Path

import pandas as pd
import pytest
import torch

from hpa.app.infer import infer
from hpa.app.train import resume, train
from hpa.config import plain
from hpa.core.errors import InputError
from hpa.stages.rounds import Rounds

ROOT = Path(__file__).resolve().parents[2]
CHOICES = {"model": "tiny", "loss": "focal"}
TINY = ("model=tiny", "size=tiny", "trainer.max_epochs=2", "trainer.accelerator=cpu", "report=false")


def words(world: Path, run: Path, *more: str) -> list[str]:
    truth = f"data.cell_truth={world / 'truth_train.csv'}"
    all_folds = ("folds.count=3", "stages.teacher_folds=null")
    return ["experiments=hpa/rounds", f"data.root={world}", truth, *TINY, *all_folds, f"run_dir={run}", *more]


@pytest.fixture(scope="module")
def chain(composed, world, tmp_path_factory) -> Path:
    """Three folds, and one round of students."""
    run = tmp_path_factory.mktemp("rounds") / "run"
    assert train(plain(composed("train", *words(world, run))), CHOICES, None) == 0
    return run


def trainings(chain: Path) -> list[Path]:
    return [chain / "stages" / str(number) / "stages" / str(fold) for number in range(2) for fold in range(3)]


@pytest.mark.slow
def test_every_image_is_predicted_once_by_a_network_that_did_not_see_it(chain, world):
    ids = set(pd.read_csv(world / "train.csv", dtype=str)["ID"])
    for number in range(2):
        joined = pd.read_parquet(chain / "stages" / str(number) / "out_of_fold.parquet")
        assert set(joined["image_id"]) == ids
        assert not joined.duplicated(["image_id", "cell"]).any()
    for run in trainings(chain):
        images = pd.read_parquet(run / "images.parquet")
        predicted = set(pd.read_parquet(run / "out_of_fold.parquet")["image_id"])
        assert predicted.isdisjoint(images.loc[images["trained"], "image_id"])
        assert len(images) == len(ids)


@pytest.mark.slow
def test_a_chain_leaves_what_a_run_leaves(chain, composed, world, tmp_path):
    last = trainings(chain)[-1]
    for name in ("checkpoints/best.ckpt", "metrics.csv"):
        assert (chain / name).read_bytes() == (last / name).read_bytes()
    table = pd.read_csv(chain / "stages.csv")
    assert list(table["stage"]) == ["stages/0", "stages/1", "all held-out images"]
    assert table[["image_map", "cell_map"]].notna().all().all()
    out = tmp_path / "out.csv"
    assert infer(plain(composed("infer", f"ckpt={chain}", f"out={out}", "device=cpu"))) == 0
    assert len(pd.read_csv(out)) == len(pd.read_csv(world / "sample_submission.csv"))


@pytest.mark.slow
def test_one_student_learns_from_all_folds_of_the_round_before(composed, world, tmp_path):
    run, held_out = tmp_path / "run", ("folds.count=5", "folds.held_out=3", "stages.teacher_folds=2")
    assert train(plain(composed("train", *words(world, run, *held_out))), CHOICES, None) == 0
    ids = set(pd.read_csv(world / "train.csv", dtype=str)["ID"])
    assert set(pd.read_parquet(run / "stages" / "0" / "out_of_fold.parquet")["image_id"]) == ids
    assert sorted(path.name for path in (run / "stages" / "0" / "stages").iterdir()) == ["0", "1"]
    student = pd.read_parquet(run / "stages" / "1" / "images.parquet")
    assert set(student.loc[~student["trained"], "fold"]) == {3}
    predicted = set(pd.read_parquet(run / "out_of_fold.parquet")["image_id"])
    assert predicted == set(student.loc[~student["trained"], "image_id"])
    last = run / "stages" / "1" / "checkpoints" / "best.ckpt"
    assert (run / "checkpoints" / "best.ckpt").read_bytes() == last.read_bytes()
    assert json.loads((run / "run.json").read_text())["members"] == ["stages/1"]
    before = last.stat().st_mtime_ns
    assert train(plain(composed("train", *words(world, run, *held_out))), CHOICES, None) == 0
    assert last.stat().st_mtime_ns == before


@pytest.mark.slow
def test_a_finished_chain_is_left_alone_and_takes_no_other_values(chain, composed, world):
    before = {path: path.stat().st_mtime_ns for path in chain.rglob("*") if path.is_file()}
    assert train(plain(composed("train", *words(world, chain))), CHOICES, None) == 0
    assert resume(str(chain), [], ROOT / "conf") == 0
    assert before == {path: path.stat().st_mtime_ns for path in chain.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="holds a run of another config"):
        train(plain(composed("train", *words(world, chain, "stages.rounds=2"))), CHOICES, None)
    with pytest.raises(InputError, match="with the values that it was started with"):
        resume(str(chain), ["trainer.max_epochs=5"], ROOT / "conf")


def student(composed, world: Path, run: Path, *teachers: Path) -> int:
    named = ",".join(str(teacher) for teacher in teachers)
    strategy = ["supervision=pseudo_label", "supervision/teacher=out_of_fold", f"supervision.teacher.runs=[{named}]"]
    of_chains = ("experiments", "stages")
    single = [word for word in words(world, run, "folds.held_out=2", *strategy) if not word.startswith(of_chains)]
    return train(plain(composed("train", "data=kaggle_hpa", *single)), CHOICES, None)


@pytest.mark.slow
def test_a_teacher_that_has_seen_an_image_is_refused_by_name(chain, composed, world, tmp_path):
    leaking = tmp_path / "leaking"
    shutil.copytree(chain / "stages" / "0" / "stages" / "0", leaking)
    declared = pd.read_parquet(leaking / "images.parquet")  # no command makes such a run: folds stay when it goes on
    declared.assign(trained=True).to_parquet(leaking / "images.parquet")
    with pytest.raises(InputError, match="may not label images that it was trained on") as error:
        student(composed, world, tmp_path / "student", chain / "stages" / "0" / "stages" / "0", leaking)
    predicted = set(pd.read_parquet(leaking / "out_of_fold.parquet")["image_id"])
    assert f"{leaking} was trained on {len(predicted)} images: {min(predicted)}" in str(error.value)
    assert str(chain) not in str(error.value)


@pytest.mark.slow
def test_teachers_without_predictions_or_provenance_are_refused(chain, composed, world, tmp_path):
    only_own_fold = chain / "stages" / "0" / "stages" / "2"
    with pytest.raises(InputError, match="predicted no image that trains here"):
        student(composed, world, tmp_path / "silent", only_own_fold)
    unrecorded = tmp_path / "unrecorded"
    shutil.copytree(chain / "stages" / "0" / "stages" / "0", unrecorded)
    (unrecorded / "images.parquet").unlink()
    with pytest.raises(InputError, match="unknown which images this run has seen"):
        student(composed, world, tmp_path / "unknown", unrecorded)


@pytest.mark.slow
def test_a_teacher_of_another_class_order_is_refused(chain, composed, world, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(chain / "stages" / "0" / "stages" / "0", other)
    facts = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps(facts | {"class_names": facts["class_names"][::-1]}))
    with pytest.raises(InputError, match="the same ones in the same order"):
        student(composed, world, tmp_path / "student", other)


@pytest.mark.slow
def test_a_student_whose_teacher_has_changed_does_not_go_on(chain, composed, world, tmp_path):
    teacher = tmp_path / "teacher"
    shutil.copytree(chain / "stages" / "0" / "stages" / "0", teacher)
    assert student(composed, world, tmp_path / "student", teacher) == 0
    predicted = pd.read_parquet(teacher / "out_of_fold.parquet")
    predicted.assign(p_0=1 - predicted["p_0"]).to_parquet(teacher / "out_of_fold.parquet", index=False)
    with pytest.raises(InputError, match="started with other teachers"):
        resume(str(tmp_path / "student"), ["trainer.max_epochs=3"], ROOT / "conf")


@pytest.mark.slow
def test_a_chain_of_another_goes_on_with_the_paths_that_its_refusal_names(chain, world, cache, tmp_path):
    run, data = tmp_path / "theirs", tmp_path / "data"
    shutil.copytree(chain, run)
    shutil.copytree(world, data)
    for config in run.rglob("config.yaml"):
        config.write_text(config.read_text().partition("# seal")[0])
    for folder in (run, run / "stages" / "1", run / "stages" / "1" / "stages" / "2"):
        facts = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps(facts | {"finished": False}))
    shutil.rmtree(run / "stages" / "1" / "stages" / "2" / "checkpoints")
    with pytest.raises(InputError, match="files that others name are not opened") as refusal:
        resume(str(run), [], ROOT / "conf")
    keys = re.findall(r"(\S+)=…", str(refusal.value))
    given = {"data.root": data, "data.cell_truth": data / "truth_train.csv", "store.folder": cache}
    assert set(keys) == set(given)
    assert resume(str(run), [f"{key}={given[key]}" for key in keys], ROOT / "conf") == 0
    whole, cut = (folder / "stages" / "1" / "stages" / "2" / "checkpoints" / "last.ckpt" for folder in (chain, run))
    first, second = (torch.load(file, weights_only=True)["state_dict"] for file in (whole, cut))
    assert all(torch.equal(value, second[name]) for name, value in first.items())


@pytest.mark.thorough
def test_a_killed_round_goes_on_to_the_same_weights(warm, chain, world, cache, tmp_path):
    run = tmp_path / "run"
    command = ["train.py", *words(world, run, f"store.folder={cache}")]
    process = warm.start(command)
    second_student = run / "stages" / "1" / "stages" / "1" / "checkpoints" / "last.ckpt"
    while not second_student.exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (run / "checkpoints").exists()
    assert warm.run(command).returncode == 0
    for whole, cut in zip(trainings(chain), trainings(run), strict=True):
        first, second = (
            torch.load(folder / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"] for folder in (whole, cut)
        )
        assert first.keys() == second.keys()
        assert all(torch.equal(value, second[name]) for name, value in first.items()), cut


@pytest.mark.parametrize(
    ("rounds", "teacher", "folds", "words"),
    [
        (0, {"runs": []}, None, "1 or more"),
        (1, {"decay": 0.9}, None, "learns from no run"),
        (1, {"runs": []}, 1, "teacher_folds must be 2 or more"),
    ],
)
def test_unfit_rounds_are_refused(rounds, teacher, folds, words):
    with pytest.raises(InputError, match=words):
        Rounds(rounds, {"_target_": "any", "teacher": teacher}, folds)
