import logging
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.model_selection import KFold

from hpa.core.errors import InputError
from hpa.core.folds import assign_folds


@st.composite
def image_sets(draw: st.DrawFn) -> tuple[np.ndarray, list[str], int, int]:
    """Draw targets, groups, fold count and seed that fit each other."""
    fold_count = draw(st.integers(2, 5))
    image_count = draw(st.integers(fold_count, 50))
    targets = draw(arrays(np.bool_, (image_count, draw(st.integers(1, 6)))))
    spread = draw(st.integers(fold_count, image_count))
    groups = [str(image) for image in range(spread)]
    groups += draw(st.lists(st.sampled_from(groups), min_size=image_count - spread, max_size=image_count - spread))
    return targets, groups, fold_count, draw(st.integers(0, 99))


@given(image_sets())
def test_folds_are_a_partition_that_splits_no_group_and_the_seed_decides(case: tuple) -> None:
    targets, groups, fold_count, seed = case
    folds = assign_folds(targets, groups, fold_count, seed)
    assert folds.shape == (len(targets),)
    assert set(folds) == set(range(fold_count))
    assert pd.Series(folds).groupby(groups).nunique().max() == 1
    np.testing.assert_array_equal(folds, assign_folds(targets, groups, fold_count, seed))


@given(st.lists(st.integers(0, 5), min_size=5, max_size=80), st.integers(2, 5), st.integers(0, 99))
def test_with_one_class_an_image_every_share_is_exact_to_one(classes: list[int], fold_count: int, seed: int) -> None:
    targets = np.eye(6)[classes]
    folds = assign_folds(targets, None, fold_count, seed)
    for shown in targets.T.astype(bool):
        shares = np.bincount(folds[shown], minlength=fold_count)
        assert shares.max() - shares.min() <= 1


@settings(max_examples=200)
@given(image_sets())
def test_a_class_with_enough_groups_of_its_own_is_in_every_fold(case: tuple) -> None:
    targets, groups, fold_count, seed = case
    folds = assign_folds(targets, groups, fold_count, seed)
    by_group = pd.DataFrame(targets).groupby(groups).any().to_numpy()
    alone = by_group[by_group.sum(axis=1) == 1].sum(axis=0)
    for shown in targets.T[alone >= fold_count]:
        assert set(folds[shown]) == set(range(fold_count))


@given(arrays(np.bool_, (60, 4)), st.integers(0, 9))
def test_sizes_are_balanced_where_images_are_their_own_groups(targets: np.ndarray, seed: int) -> None:
    sizes = np.bincount(assign_folds(targets, None, 3, seed))
    assert sizes.max() - sizes.min() <= 8


def test_two_rare_classes_that_travel_together_both_come_into_every_fold() -> None:
    targets = np.zeros((40, 3), bool)
    targets[:4, :2] = True  # both
    targets[4:5, 0] = True
    targets[5:6, 1] = True
    targets[6:, 2] = True
    folds = assign_folds(targets, None, 5, 0)
    assert [len(set(folds[shown])) for shown in targets.T] == [5, 5, 5]


def test_a_class_with_too_few_groups_is_named_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    targets = np.zeros((30, 3))
    targets[:, 0] = 1
    targets[:6, 2] = 1
    groups = ["same"] * 5 + [str(image) for image in range(25)]
    names = ["Cytosol", "Nuclear bodies", "Nuclear speckles"]
    with caplog.at_level(logging.INFO):
        for _ in range(2):  # the second time it is known
            assign_folds(targets, groups, 5, 0, names)
    assert [record.levelname for record in caplog.records] == ["INFO"]  # nobody can mend it
    assert "Nuclear speckles (2)" in caplog.text
    assert "Cytosol" not in caplog.text
    assert "Nuclear bodies" not in caplog.text


@pytest.mark.parametrize(("fold_count", "groups"), [(1, None), (4, None), (3, ["a", "a", "b"])])
def test_counts_that_cannot_be_met_are_refused(fold_count: int, groups: list[str] | None) -> None:
    with pytest.raises(InputError, match="fewer folds"):
        assign_folds(np.ones((3, 2)), groups, fold_count, 0)


def test_groups_of_another_length_are_refused() -> None:
    with pytest.raises(InputError, match="3 images, 2 groups"):
        assign_folds(np.ones((3, 2)), ["a", "b"], 2, 0)


def test_the_official_table_has_every_class_in_every_fold(samples_table: np.ndarray) -> None:
    folds = assign_folds(samples_table, None, 5, 0)
    plain = np.zeros(len(folds), int)
    for fold, (_, held_out) in enumerate(KFold(5, shuffle=True, random_state=0).split(samples_table)):
        plain[held_out] = fold
    ours, random = (_max_deviation(samples_table, chosen) for chosen in (folds, plain))
    shares = np.stack([samples_table[folds == fold].sum(axis=0) for fold in range(5)])
    assert (np.abs(shares - shares.mean(axis=0)) < np.maximum(1.01, 0.01 * shares.mean(axis=0))).all()
    assert (ours <= random + 1e-9).all()
    assert np.ptp(np.bincount(folds)) < 0.02 * len(folds) / 5


def _max_deviation(targets: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Return for each class how far the worst fold is from its ideal share, as part of the share."""
    shares = np.stack([targets[folds == fold].sum(axis=0) for fold in range(5)])
    return np.abs(shares - shares.mean(axis=0)).max(axis=0) / shares.mean(axis=0)


@pytest.fixture
def samples_table() -> np.ndarray:
    folder = os.environ.get("HPA_SAMPLES")
    if not folder:
        pytest.skip("HPA_SAMPLES does not name the folder of the official label table")
    labels = pd.read_csv(Path(folder) / "hpa_labels" / "hpa_scc2021_train.csv")["Label"]
    return labels.str.get_dummies("|")[[str(index) for index in range(19)]].to_numpy()
