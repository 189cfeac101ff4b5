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
from hpa.inference.ensemble_rank import RankEnsemble
from tests.inference.fixed_members import FIELD, FixedMember, held_out_of

CONF = Path(__file__).parents[2] / "conf" / "ensemble"
UNIT = st.floats(0, 1, width=32)
SAMPLES = arrays(np.float32, (3, 6, 2), elements=UNIT)
PROBABILITIES = arrays(np.float32, (3, 4, 2), elements=UNIT)


def ensemble_of(probabilities, samples, weights=None):
    ensemble = RankEnsemble([FixedMember(member) for member in probabilities], weights)
    ensemble.learn([held_out_of(sample, np.zeros_like(sample)) for sample in samples])
    return ensemble


@given(probabilities=PROBABILITIES, samples=SAMPLES)
def test_an_ensemble_of_one_is_its_member(probabilities, samples):
    [found] = ensemble_of(probabilities[:1], samples[:1]).predict([FIELD])
    np.testing.assert_allclose(found.probabilities.numpy(), probabilities[0], atol=1e-6)


@given(probabilities=PROBABILITIES, samples=SAMPLES)
def test_confidences_stay_probabilities(probabilities, samples):
    [found] = ensemble_of(probabilities, samples, [1.0, 2.0, 3.0]).predict([FIELD])
    assert ((found.probabilities >= 0) & (found.probabilities <= 1)).all()


@given(samples=SAMPLES, power=st.sampled_from([2, 3]))
def test_how_a_member_spreads_its_numbers_does_not_change_the_order(samples, power):
    levels = np.linspace(0.05, 0.95, 6, dtype=np.float32)[:, None]
    first, second = np.tile(levels, (1, 2)), np.tile(levels[::-1], (1, 2))
    second[:3] = second[:3] * 0.9
    plain = ensemble_of([first, second], [first, second]).predict([FIELD])[0].probabilities.numpy()
    spread = ensemble_of([first, second**power], [first, second**power]).predict([FIELD])[0].probabilities.numpy()
    assert np.array_equal(np.argsort(plain[:, 0], kind="stable"), np.argsort(spread[:, 0], kind="stable"))


def test_the_mean_rank_is_told_as_a_probability():
    samples = np.float32([[[0.1], [0.2], [0.3], [0.4]], [[0.5], [0.6], [0.7], [0.8]]])
    [found] = ensemble_of(np.float32([[[0.1]], [[0.8]]]), samples).predict([FIELD])
    # ranks 1/8 and 7/8; at 1/2 the members say .25 and .65
    torch.testing.assert_close(found.probabilities, torch.tensor([[0.45]]))


def test_the_same_weights_join_held_out_cells():
    samples = np.float32([[[0.1], [0.2]], [[0.5], [0.6]]])
    probabilities = np.float32([[[0.15], [0.7]], [[0.55], [0.1]]])
    ensemble = ensemble_of(probabilities, samples, [1.0, 3.0])
    [found] = ensemble.predict([FIELD])
    assert torch.equal(ensemble.join(torch.from_numpy(probabilities)), found.probabilities)


def test_views_of_the_image_are_averaged_as_they_are():
    members = [FixedMember([[0.5]]), FixedMember([[0.5]], image=[0.2]), FixedMember([[0.5]], image=[0.8])]
    ensemble = RankEnsemble(members, [5.0, 1.0, 2.0])
    ensemble.learn([held_out_of([[0.5]], [[0.0]])] * 3)
    torch.testing.assert_close(ensemble.predict([FIELD])[0].image_probabilities, torch.tensor([[0.6]]))


def test_weights_that_make_no_sense_are_refused():
    with pytest.raises(InputError, match="one positive number"):
        RankEnsemble([FixedMember([[0.1]])], [0.0])


def test_config_makes_the_ensemble():
    config = OmegaConf.load(CONF / "rank.yaml")
    ensemble = instantiate(config, _partial_=True)(members=[FixedMember([[0.2]])])
    assert isinstance(ensemble, RankEnsemble)
    assert ensemble.needs_held_out
