from collections import Counter

import numpy as np
import pandas as pd

from hpa.core.classes import LOCATIONS, NEGATIVE_CLASS
from hpa.simulation.image_labels import CLASS_COUNT_SHARE, TABLE_SHARE, deck_of, image_classes


def labels_of(seed, count):
    return [
        image_classes(np.random.default_rng((seed, i)), np.random.default_rng((seed, deck_of(i), 1)), i)
        for i in range(count)
    ]


def test_38_images_hold_every_class():
    for seed in range(5):
        assert {kind for classes in labels_of(seed, 38) for kind in classes} == set(range(len(LOCATIONS)))


def test_images_have_one_to_five_classes_as_often_as_in_the_table():
    classes = labels_of(0, 4000)
    counts = Counter(map(len, classes))
    # Negative stands alone, and it is raised: a few more images of one class than in the table
    for number, share in enumerate(CLASS_COUNT_SHARE[:3], start=1):
        assert abs(counts[number] / 4000 - share) < 0.04
    assert max(counts) <= 5
    assert all(len(set(kinds)) == len(kinds) for kinds in classes)
    assert all(kinds == [NEGATIVE_CLASS] for kinds in classes if NEGATIVE_CLASS in kinds)


def test_rare_classes_are_raised_and_the_order_of_the_common_ones_is_kept():
    counts = Counter(kind for kinds in labels_of(1, 4000) for kind in kinds)
    share = np.array([counts[kind] / 4000 for kind in range(19)])
    for kind in (11, 15, 18):
        assert share[kind] > 2 * TABLE_SHARE[kind]
    assert share[0] > share[16] > share[6]


def test_shares_are_those_of_the_real_table(samples):
    table = pd.read_csv(samples / "hpa_labels" / "hpa_scc2021_train.csv")
    sets = table["Label"].str.split("|").map(lambda words: set(map(int, words)))
    for kind, share in enumerate(TABLE_SHARE):
        assert abs(sets.map(lambda kinds, kind=kind: kind in kinds).mean() - share) < 0.005
