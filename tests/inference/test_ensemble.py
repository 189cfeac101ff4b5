from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from omegaconf import OmegaConf
from scipy import stats

from hpa.core.errors import InputError
from hpa.inference.joins import GeometricJoin, MeanJoin
from tests.inference.fixed_members import FIELD, FixedMember, ensemble_of

CONF = Path(__file__).parents[2] / "conf" / "ensemble"
KINDS = [MeanJoin, GeometricJoin]
PROBABILITIES = arrays(np.float32, (3, 4, 2), elements=st.floats(0, 1, width=32))
WEIGHTS = st.lists(st.floats(0.1, 10), min_size=3, max_size=3)


def joined(kind, members, weights=None):
    """Return the ensemble of members, with a join of this kind."""
    return ensemble_of(members, kind(len(members), weights))


@pytest.mark.parametrize("kind", KINDS)
@given(probabilities=arrays(np.float32, (4, 2), elements=st.floats(0, 1, width=32)))
def test_an_ensemble_of_one_is_its_member(kind, probabilities):
    member = FixedMember(probabilities, image=[0.3, 0.7])
    [found] = joined(kind, [member], None).predict([FIELD])
    torch.testing.assert_close(found.probabilities, member.prediction.probabilities, atol=1e-7, rtol=1e-6)
    torch.testing.assert_close(found.image_probabilities, member.prediction.image_probabilities)
    assert torch.equal(found.features, member.prediction.features)


@pytest.mark.parametrize("kind", KINDS)
@given(probabilities=PROBABILITIES, weights=WEIGHTS, order=st.permutations(range(3)))
def test_the_order_of_members_does_not_matter(kind, probabilities, weights, order):
    members = [FixedMember(member) for member in probabilities]
    [straight] = joined(kind, members, weights).predict([FIELD])
    [shuffled] = joined(kind, [members[at] for at in order], [weights[at] for at in order]).predict([FIELD])
    torch.testing.assert_close(shuffled.probabilities, straight.probabilities, atol=1e-7, rtol=1e-6)


@given(probabilities=PROBABILITIES, weights=WEIGHTS)
def test_the_mean_is_numpys(probabilities, weights):
    [found] = joined(MeanJoin, [FixedMember(member) for member in probabilities], weights).predict([FIELD])
    expected = np.average(probabilities.astype(np.float64), axis=0, weights=weights)
    np.testing.assert_allclose(found.probabilities.numpy(), expected, atol=1e-7)


@given(probabilities=arrays(np.float32, (3, 4, 2), elements=st.floats(2**-20, 1, width=32)), weights=WEIGHTS)
def test_the_geometric_mean_is_scipys(probabilities, weights):
    [found] = joined(GeometricJoin, [FixedMember(member) for member in probabilities], weights).predict([FIELD])
    spread = np.broadcast_to(np.reshape(weights, (3, 1, 1)), probabilities.shape)
    expected = stats.gmean(probabilities.astype(np.float64), axis=0, weights=spread)
    np.testing.assert_allclose(found.probabilities.numpy(), expected, rtol=1e-6)


def test_one_member_that_predicts_zero_vetoes_the_geometric_mean():
    members = [FixedMember([[0.0, 0.5]]), FixedMember([[1.0, 0.5]])]
    [found] = joined(GeometricJoin, members, None).predict([FIELD])
    torch.testing.assert_close(found.probabilities, torch.tensor([[0.0, 0.5]]))


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_combined_and_empty_ones_stay_empty(kind, make_field, make_member, position_model):
    fields = [make_field("a", 5), make_field("none", 0), make_field("b", 2)]
    members = [make_member(position_model(seed=seed)) for seed in (0, 1)]
    found = joined(kind, members, None).predict(fields)
    assert [tuple(prediction.probabilities.shape) for prediction in found] == [(5, 3), (0, 3), (2, 3)]
    low, high = (np.minimum, np.maximum)
    for combined, first, second in zip(found, *(member.predict(fields) for member in members), strict=True):
        pair = (first.probabilities.numpy(), second.probabilities.numpy())
        assert (combined.probabilities.numpy() >= low(*pair) - 1e-6).all()
        assert (combined.probabilities.numpy() <= high(*pair) + 1e-6).all()


@pytest.mark.parametrize("kind", KINDS)
def test_features_stand_side_by_side(kind):
    [found] = joined(
        kind, [FixedMember([[0.1], [0.2]], feature_count=3), FixedMember([[0.1], [0.2]], feature_count=2)], None
    ).predict([FIELD])
    assert found.features.tolist() == [[3, 3, 3, 2, 2]] * 2


@pytest.mark.parametrize("kind", KINDS)
def test_only_members_that_see_the_image_count_for_it(kind):
    members = [FixedMember([[0.5]]), FixedMember([[0.5]], image=[0.2]), FixedMember([[0.5]], image=[0.8])]
    [found] = joined(kind, members, [5.0, 1.0, 2.0]).predict([FIELD])
    expected = (0.2 + 2 * 0.8) / 3 if kind is MeanJoin else (0.2 * 0.8**2) ** (1 / 3)
    torch.testing.assert_close(found.image_probabilities, torch.tensor([[expected]]))


@pytest.mark.parametrize("kind", KINDS)
def test_members_of_other_classes_are_named(kind):
    with pytest.raises(InputError, match=r"\(1, 2\), \(1, 3\)"):
        joined(kind, [FixedMember([[0.1, 0.2]]), FixedMember([[0.1, 0.2, 0.3]])], None).predict([FIELD])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("weights", [[1.0], [1.0, 0.0], [1.0, -1.0], [1.0, float("nan")], [1.0, float("inf")]])
def test_weights_that_make_no_sense_are_refused(kind, weights):
    with pytest.raises(InputError, match="one positive number"):
        kind(2, weights)


@pytest.mark.parametrize("kind", KINDS)
def test_no_member_is_refused(kind):
    with pytest.raises(InputError, match="at least one member"):
        kind(0, None)


@pytest.mark.parametrize(("name", "kind"), [("mean", MeanJoin), ("geometric", GeometricJoin)])
def test_config_makes_the_join(name, kind):
    join = instantiate(OmegaConf.load(CONF / f"{name}.yaml"), member_count=2)
    assert isinstance(join, kind)
    [found] = ensemble_of([FixedMember([[0.2]]), FixedMember([[0.4]])], join).predict([FIELD])
    assert 0.2 < float(found.probabilities) < 0.4
