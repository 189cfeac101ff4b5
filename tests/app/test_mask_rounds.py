"""Rounds on tissue: out-of-fold masks are joined, thresholds fitted to them, and nobody labels what it has seen."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from hpa.app.infer import infer
from hpa.app.train import resume, train
from hpa.config import plain
from hpa.core.errors import InputError
from hpa.inference.tissue.held_out import FOLDER, held_out_files, read_held_out_tissue
from tests.tiny_tissue import CHOICES, tiny_words, write_sections

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[2]
TINY = (*tiny_words(7.5), "report=false")
ROUNDS = ("stages=mask_rounds", "stages.student.label_weight=0.5")


@pytest.fixture(scope="module")
def sections(tmp_path_factory):
    """Ten sections with masks, four to be tested on, which also train without masks."""
    return write_sections(tmp_path_factory.mktemp("sections") / "data", 14, 4, 160)


def words(sections: Path, run: Path, *more: str) -> list[str]:
    return [*TINY, f"data.root={sections}", f"data.unlabeled=[{sections}]", f"run_dir={run}", *more]


@pytest.fixture(scope="module")
def chain(composed, sections, tmp_path_factory) -> Path:
    run = tmp_path_factory.mktemp("rounds") / "run"
    assert train(plain(composed("train", *words(sections, run, *ROUNDS))), CHOICES, None) == 0
    return run


def trainings(chain: Path, number: int) -> list[Path]:
    return [chain / "stages" / str(number) / "stages" / str(fold) for fold in range(3)]


def ids(sections: Path, split: str) -> set[str]:
    return set(pd.read_csv(sections / f"{split}.csv", dtype=str)["id"])


def test_every_image_is_masked_once_by_a_network_that_did_not_see_it(chain, sections):
    for number in range(2):
        assert set(held_out_files(chain / "stages" / str(number))) == ids(sections, "train") | ids(sections, "test")
        said = [set(held_out_files(run)) for run in trainings(chain, number)]
        assert sum(map(len, said)) == 14
        for run, images in zip(trainings(chain, number), said, strict=True):
            declared = pd.read_parquet(run / "images.parquet")
            assert images.isdisjoint(declared.loc[declared["trained"], "image_id"])
            assert declared["content"].nunique() == 14
    for image_id in ids(sections, "test"):
        assert read_held_out_tissue(held_out_files(chain)[image_id]).truth is None


def test_one_student_learns_from_all_folds_of_the_round_before(composed, sections, tmp_path):
    run, held_out = tmp_path / "run", ("folds.held_out=1", "stages.teacher_folds=2")
    assert train(plain(composed("train", *words(sections, run, *ROUNDS, *held_out))), CHOICES, None) == 0
    teachers, student = run / "stages" / "0", run / "stages" / "1"
    assert sorted(path.name for path in (teachers / "stages").iterdir()) == ["0", "1"]
    assert set(held_out_files(teachers)) == ids(sections, "train") | ids(sections, "test")
    declared = pd.read_parquet(student / "images.parquet")
    assert set(declared.loc[~declared["trained"], "fold"]) == {1}
    assert set(held_out_files(run)) == set(declared.loc[~declared["trained"], "image_id"])
    assert (run / "checkpoints" / "best.ckpt").read_bytes() == (student / "checkpoints" / "best.ckpt").read_bytes()


def test_images_without_masks_train_from_the_second_round_on(chain, sections):
    for number in range(2):
        trained = set()
        for run in trainings(chain, number):
            declared = pd.read_parquet(run / "images.parquet")
            trained |= set(declared.loc[declared["trained"], "image_id"])
        assert trained == ids(sections, "train") | (ids(sections, "test") if number else set())


def test_a_chain_leaves_scores_and_what_thresholds_are_fitted_to(chain, composed, sections, tmp_path, caplog):
    table = pd.read_csv(chain / "stages.csv")
    assert list(table["stage"]) == ["stages/0", "stages/1", "all held-out images"]
    assert table["images"].tolist() == [10, 10, 10]
    assert table["dice"].between(0, 1).all()
    out = tmp_path / "out.csv"
    root = f"data.root={sections}"
    caplog.set_level("INFO")
    assert infer(plain(composed("infer", f"ckpt={chain}", "data=hubmap", root, f"out={out}", "device=cpu"))) == 0
    assert (pd.read_csv(out)["rle"] != "").all()
    for organ in ("kidney", "largeintestine", "lung", "prostate", "spleen"):
        assert f"{organ}: from probability" in caplog.text


def student(composed, sections: Path, run: Path, *teachers: Path, unlabeled: bool = True) -> int:
    named = ",".join(str(teacher) for teacher in teachers)
    taught = ["supervision=soft_masks", f"supervision.runs=[{named}]", "folds.held_out=2"]
    more = [] if unlabeled else ["data.unlabeled=[]"]
    return train(plain(composed("train", *words(sections, run, *taught, *more))), CHOICES, None)


def test_a_teacher_that_has_seen_an_image_is_refused_by_name(chain, composed, sections, tmp_path):
    leaking = tmp_path / "leaking"
    shutil.copytree(trainings(chain, 0)[0], leaking)
    declared = pd.read_parquet(leaking / "images.parquet")  # no command makes such a run: folds stay when it goes on
    declared.assign(trained=True).to_parquet(leaking / "images.parquet")
    with pytest.raises(InputError, match="may not label images that it was trained on") as told:
        student(composed, sections, tmp_path / "student", trainings(chain, 0)[0], leaking)
    assert f"{leaking} was trained on" in str(told.value)


def test_the_same_picture_under_another_name_is_the_same_picture(chain, composed, sections, tmp_path):
    teacher = trainings(chain, 0)[0]
    declared = pd.read_parquet(teacher / "images.parquet")
    rows = pd.read_csv(sections / "train.csv", dtype=str, keep_default_na=False).set_index("id")
    trained = declared.set_index("image_id")["trained"]
    spoken, seen = next(
        (spoken, seen)
        for spoken in rows.index[~trained[rows.index]]
        for seen in rows.index[trained[rows.index]]
        if rows.loc[spoken, "organ"] == rows.loc[seen, "organ"]
    )
    exchanged = tmp_path / "exchanged"
    shutil.copytree(sections, exchanged)
    rows.loc[[spoken, seen]] = rows.loc[[seen, spoken]].to_numpy()
    rows.reset_index().to_csv(exchanged / "train.csv", index=False)
    for folder, suffix in (("train_images", "tiff"), ("train_annotations", "json")):
        for name, other in ((spoken, seen), (seen, spoken)):
            shutil.copy(sections / folder / f"{other}.{suffix}", exchanged / folder / f"{name}.{suffix}")
    with pytest.raises(InputError, match=f"may not label images that it was trained on.*{spoken}"):
        student(composed, exchanged, tmp_path / "student", teacher)


def test_teachers_without_predictions_or_provenance_are_refused(chain, composed, sections, tmp_path):
    with pytest.raises(InputError, match="predicted no image that trains here"):
        student(composed, sections, tmp_path / "silent", trainings(chain, 0)[2])
    silent = tmp_path / "unrecorded"
    shutil.copytree(trainings(chain, 0)[0], silent)
    (silent / "images.parquet").unlink()
    with pytest.raises(InputError, match="unknown which images this run has seen"):
        student(composed, sections, tmp_path / "unknown", silent)
    shutil.rmtree(silent / FOLDER)
    with pytest.raises(InputError, match="predictions of held-out images are needed"):
        student(composed, sections, tmp_path / "empty", silent)


def test_a_student_whose_teacher_has_changed_does_not_go_on(chain, composed, sections, tmp_path):
    teacher = tmp_path / "teacher"
    shutil.copytree(trainings(chain, 0)[0], teacher)
    assert student(composed, sections, tmp_path / "student", teacher, unlabeled=False) == 0
    declared = json.loads((tmp_path / "student" / "run.json").read_text())["teachers"]
    assert list(declared) == [str(teacher)]
    path = next(iter(held_out_files(teacher).values()))
    content = dict(np.load(path))
    np.savez_compressed(path, **content | {"probabilities": 255 - content["probabilities"]})
    with pytest.raises(InputError, match="started with other teachers"):
        resume(str(tmp_path / "student"), ["trainer.max_epochs=2"], ROOT / "conf")
