"""A landmark channel goes dark as often as asked, the protein never."""

from __future__ import annotations

import numpy as np
import pytest

from hpa.cells.fields.channel_dropout import FieldChannelDropout
from hpa.core.errors import InputError

CHANNELS = ("red", "green", "blue", "yellow")
LANDMARKS = ("red", "blue", "yellow")


def lost(dropout: FieldChannelDropout, count: int, channels: int = 4) -> np.ndarray:
    """Tell for so many images which channels went dark."""
    shown = (np.ones((channels, 4, 4), np.float32), np.ones((1, 2, 2), np.float32) / 4)
    images = [dropout(shown, np.random.default_rng(seed))[0] for seed in range(count)]
    assert shown[0].all()  # what was given stays as it was
    return np.array([(image == 0).all(axis=(1, 2)) for image in images])


def test_one_landmark_is_lost_as_often_as_asked():
    dark = lost(FieldChannelDropout(CHANNELS, LANDMARKS, 0.3), 2000)
    assert set(dark.sum(axis=1)) == {0, 1}
    assert not dark[:, 1].any()
    np.testing.assert_allclose(dark[:, [0, 2, 3]].mean(axis=0), 0.1, atol=0.03)


def test_never_and_always():
    assert not lost(FieldChannelDropout(CHANNELS, LANDMARKS, 0.0), 20).any()
    assert lost(FieldChannelDropout(CHANNELS, LANDMARKS, 1.0), 20).any(axis=1).all()


def test_a_run_of_the_protein_alone_loses_nothing():
    assert not lost(FieldChannelDropout(("green",), LANDMARKS, 1.0), 5, channels=1).any()


@pytest.mark.parametrize(("channels", "probability"), [(CHANNELS, 1.5), (("red", "blue"), 0.5)])
def test_what_cannot_be_is_told(channels, probability):
    with pytest.raises(InputError, match="a channel must stay"):
        FieldChannelDropout(channels, LANDMARKS, probability)
