import numpy as np

from hpa.reports.looked_at import looked_at, looked_at_uris


def test_what_supports_the_class_is_coloured_and_the_rest_is_the_crop_in_grey(facts):
    pictures = looked_at(facts, np.array([0, 5]), np.array([2, 3])).astype(int)
    coloured = np.ptp(pictures, axis=3) > 0
    assert [np.argwhere(one).tolist() for one in coloured] == [[[0, 2]], [[0, 3]]]


def test_a_network_without_maps_has_no_pictures(facts_with):
    assert looked_at(facts_with(maps_of=None), np.array([0]), np.array([2])) is None
    assert looked_at_uris(facts_with(maps_of=None), np.array([0]), np.array([2])) == [None]


def test_a_cell_in_which_nothing_supports_the_class_stays_grey(facts_with):
    facts = facts_with(maps_of=lambda rows, classes: -np.ones((len(rows), 16, 16), np.float32))
    assert np.ptp(looked_at(facts, np.array([0]), np.array([1])).astype(int), axis=3).max() == 0
