"""Ensembles, views and rules that are fitted to held-out cells, from run folders to a submission."""

import shutil

import pandas as pd
import pytest

from hpa.app.infer import infer
from hpa.app.train import train
from hpa.config import plain
from hpa.core.errors import InputError
from hpa.core.submission import parse_prediction

pytestmark = pytest.mark.slow

TINY = ("size=tiny", "model=tiny", "trainer.limit_batches=1", "report=false")


@pytest.fixture(scope="module")
def runs(composed, world, tmp_path_factory):
    """Members of other backbones, crop sizes, channels, folds and ways to use the labels."""
    folder = tmp_path_factory.mktemp("members")
    kinds = {
        "first": (),
        "other_view": ("model=resnet18", "crop.side_px=40", "data.channels=[green,blue]", "supervision=dual"),
        "other_fold": ("folds.held_out=1",),
    }
    for name, words in kinds.items():
        overrides = ("data=kaggle_hpa", f"data.root={world}", *TINY, f"run_dir={folder / name}", *words)
        assert train(plain(composed("train", *overrides)), {"model": "tiny", "loss": "focal"}, None) == 0
    return folder


def predicted(composed, ckpt, out, *overrides):
    return infer(plain(composed("infer", f"ckpt={ckpt}", f"out={out}", "device=cpu", *overrides)))


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("ensemble=fitted", "ensemble.per_class=true"),
        ("ensemble=fitted",),
        ("ensemble=rank", "tta=flips", "tta.average=ranks"),
        ("ensemble=geometric", "fusion=weighted", "rules=[platt,nucleus,edge]"),
    ],
)
def test_members_of_any_kind_write_every_class_of_every_cell(composed, runs, tmp_path, words):
    out = tmp_path / "out.csv"
    assert predicted(composed, f"[{runs / 'first'},{runs / 'other_view'}]", out, *words) == 0
    for text in pd.read_csv(out)["PredictionString"]:
        found = parse_prediction(text)
        assert found.classes.tolist() == list(range(19)) * len(set(found.masks))
        assert 0 <= found.confidences.min() <= found.confidences.max() <= 1


def test_rules_apply_in_the_order_in_which_they_are_named(composed):
    for order in (["nucleus", "edge", "platt"], ["platt", "nucleus", "edge"]):
        assert list(composed("infer", "ckpt=somewhere", f"rules=[{','.join(order)}]").rules) == order


def test_an_ensemble_of_ranks_of_one_run_twice_is_that_run(composed, runs, tmp_path):
    predicted(composed, runs / "first", tmp_path / "one.csv")
    predicted(composed, f"[{runs / 'first'},{runs / 'first'}]", tmp_path / "two.csv", "ensemble=rank")
    one, two = (
        pd.read_csv(tmp_path / name)["PredictionString"].map(parse_prediction) for name in ("one.csv", "two.csv")
    )
    for first, second in zip(one, two, strict=True):
        assert abs(first.confidences - second.confidences).max() < 1e-6


def test_members_of_other_folds_are_combined_but_not_fitted(composed, runs, tmp_path):
    members = f"[{runs / 'first'},{runs / 'other_fold'}]"
    assert predicted(composed, members, tmp_path / "mean.csv") == 0
    with pytest.raises(InputError, match="share 0 of"):
        predicted(composed, members, tmp_path / "fitted.csv", "ensemble=fitted")


def test_runs_with_labels_of_images_alone_are_not_fitted_by_loss(composed, runs, tmp_path):
    with pytest.raises(InputError, match=r"data\.cell_truth"):
        predicted(composed, runs / "first", tmp_path / "out.csv", "ensemble=fitted", "ensemble/fit=log_loss")


def test_a_checkpoint_without_its_folder_fits_nothing(composed, runs, tmp_path):
    alone = tmp_path / "alone.ckpt"
    shutil.copy(runs / "first" / "checkpoints" / "best.ckpt", alone)
    assert predicted(composed, alone, tmp_path / "out.csv") == 0
    for words in (("ensemble=rank",), ("rules=platt",), ("tta=flips", "tta.average=ranks")):
        with pytest.raises(InputError, match="give ckpt=RUN"):
            predicted(composed, alone, tmp_path / "other.csv", *words)
