from pathlib import Path

import numpy as np
import pytest
import torch
from hydra.utils import instantiate
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from omegaconf import OmegaConf

from hpa.core.errors import InputError
from hpa.inference.joins import RankJoin
from tests.inference.fixed_members import FIELD, FixedMember, ensemble_of, held_out_of

CONF = Path(__file__).parents[2] / "conf" / "ensemble"
UNIT = st.floats(0, 1, width=32)
SAMPLES = arrays(np.float32, (3, 6, 2), elements=UNIT)
PROBABILITIES = arrays(np.float32, (3, 4, 2), elements=UNIT)


def join_of(samples, weights=None):
    join = RankJoin(len(samples), weights)
    join.fit([held_out_of(sample, np.zeros_like(sample)) for sample in samples])
    return join


def ranked(probabilities, samples, weights=None):
    """Return the ensemble of members that predict these and predicted the samples of held-out cells."""
    return ensemble_of([FixedMember(member) for member in probabilities], join_of(samples, weights))


@given(probabilities=PROBABILITIES, samples=SAMPLES)
def test_an_ensemble_of_one_is_its_member(probabilities, samples):
    [found] = ranked(probabilities[:1], samples[:1]).predict([FIELD])
    np.testing.assert_allclose(found.probabilities.numpy(), probabilities[0], atol=1e-6)


@given(probabilities=PROBABILITIES, samples=SAMPLES)
def test_confidences_stay_probabilities(probabilities, samples):
    [found] = ranked(probabilities, samples, [1.0, 2.0, 3.0]).predict([FIELD])
    assert ((found.probabilities >= 0) & (found.probabilities <= 1)).all()


@given(samples=SAMPLES, power=st.sampled_from([2, 3]))
def test_how_a_member_spreads_its_numbers_does_not_change_the_order(samples, power):
    levels = np.linspace(0.05, 0.95, 6, dtype=np.float32)[:, None]
    first, second = np.tile(levels, (1, 2)), np.tile(levels[::-1], (1, 2))
    second[:3] = second[:3] * 0.9
    plain = ranked([first, second], [first, second]).predict([FIELD])[0].probabilities.numpy()
    spread = ranked([first, second**power], [first, second**power]).predict([FIELD])[0].probabilities.numpy()
    assert np.array_equal(np.argsort(plain[:, 0], kind="stable"), np.argsort(spread[:, 0], kind="stable"))


def test_the_mean_rank_is_given_as_a_probability():
    samples = np.float32([[[0.1], [0.2], [0.3], [0.4]], [[0.5], [0.6], [0.7], [0.8]]])
    [found] = ranked(np.float32([[[0.1]], [[0.8]]]), samples).predict([FIELD])
    # ranks 1/8 and 7/8; at 1/2 the members give .25 and .65
    torch.testing.assert_close(found.probabilities, torch.tensor([[0.45]]))


def test_the_same_weights_combine_held_out_cells():
    samples = np.float32([[[0.1], [0.2]], [[0.5], [0.6]]])
    probabilities = np.float32([[[0.15], [0.7]], [[0.55], [0.1]]])
    [found] = ranked(probabilities, samples, [1.0, 3.0]).predict([FIELD])
    assert torch.equal(join_of(samples, [1.0, 3.0])(torch.from_numpy(probabilities)), found.probabilities)


def test_views_of_the_image_are_averaged_as_they_are():
    members = [FixedMember([[0.5]]), FixedMember([[0.5]], image=[0.2]), FixedMember([[0.5]], image=[0.8])]
    ensemble = ensemble_of(members, join_of(np.full((3, 1, 1), 0.5, np.float32), [5.0, 1.0, 2.0]))
    torch.testing.assert_close(ensemble.predict([FIELD])[0].image_probabilities, torch.tensor([[0.6]]))


def test_weights_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="one positive number"):
        RankJoin(1, [0.0])


def test_config_makes_the_join():
    config = OmegaConf.load(CONF / "rank.yaml")
    join = instantiate(config, member_count=1)
    assert isinstance(join, RankJoin)
    assert join.needs_held_out
