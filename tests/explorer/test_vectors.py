import numpy as np
import pytest

from hpa.core.errors import InputError
from hpa.explorer import vectors as explorer_vectors
from hpa.explorer.orders import disagreement, uncertainty
from hpa.explorer.vectors import MAX_DIMENSIONS, compressed, nearest_cells, places

RNG = np.random.default_rng(0)


def test_the_nearest_are_those_of_all_cosines():
    features = RNG.normal(size=(500, 16)).astype(np.float32)
    vectors = compressed([features[:200], features[200:]])
    centred = features - features.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    expected = np.argsort(-(centred @ centred[7]), kind="stable")
    np.testing.assert_array_equal(nearest_cells(vectors, 7, 10), expected[expected != 7][:10])


def test_many_features_become_few_that_keep_who_is_near():
    groups = np.repeat(RNG.normal(size=(5, 300)), 40, axis=0)
    vectors = compressed([(groups + 0.1 * RNG.normal(size=groups.shape)).astype(np.float32)])
    assert vectors.shape == (200, MAX_DIMENSIONS)
    for row in (0, 50, 199):
        assert (nearest_cells(vectors, row, 20) // 40 == row // 40).all()


@pytest.mark.parametrize("shape", [(0, 3), (1, 3), (4, 1), (30, 2)])
def test_any_number_of_cells_has_a_map(shape):
    features = RNG.normal(size=shape).astype(np.float32)
    if shape[0]:
        features[0, 0] = np.nan
    found = places(compressed([features]), "pca")
    assert found.shape == (shape[0], 2)
    assert np.isfinite(found).all()
    assert (np.abs(found) <= 1).all()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_umap_separates_groups():
    pytest.importorskip("umap", reason='needs pip install "hpa-cells[maps]"')
    groups = np.repeat(RNG.normal(size=(2, 32)), 60, axis=0)
    found = places(compressed([(groups + 0.1 * RNG.normal(size=groups.shape)).astype(np.float32)]), "umap")
    middles = found[:60].mean(axis=0), found[60:].mean(axis=0)
    spread = max(found[:60].std(), found[60:].std())
    assert np.linalg.norm(middles[0] - middles[1]) > 2 * spread


def test_umap_of_too_many_cells_is_refused(monkeypatch):
    monkeypatch.setattr(explorer_vectors, "_MAX_MAPPED_BY_UMAP", 10)
    with pytest.raises(InputError, match="pca"):
        places(np.ones((11, 3), np.float32), "umap")


def test_disagreement_is_high_where_another_class_is_sure_and_the_label_is_not_seen():
    confidences = np.array([[0.9, 0.1], [0.1, 0.9], [0.5, 0.5], [0.9, 0.9]], np.float32)
    targets = np.array([[1, 0], [1, 0], [1, 0], [np.nan, np.nan]], np.float32)
    found = disagreement(confidences, targets)
    assert found[1] > found[2] > found[0]
    assert np.isnan(found[3])
    assert np.isnan(disagreement(confidences, None)).all()


def test_the_least_sure_cells_are_uncertain_and_missing_classes_are_not():
    confidences = np.array([[0.5, 0.5], [0.99, 0.01], [0.5, np.nan]], np.float32)
    assert uncertainty(confidences)[0] == pytest.approx(1)
    assert uncertainty(confidences)[1] < 0.1
    assert uncertainty(np.empty((3, 0), np.float32)).tolist() == [0, 0, 0]
