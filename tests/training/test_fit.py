import pytest

from hpa.core.errors import InputError
from hpa.training.fit import Fit


def fit(devices) -> Fit:
    return Fit(1, "cpu", devices, "32-true", 1, None, 1.0, False, False)


@pytest.mark.parametrize("devices", [2, -1, 0, [0, 1], []])
def test_more_than_one_device_is_refused_with_what_to_do_instead(devices):
    with pytest.raises(InputError, match=r"trainer\.devices=.*one process on one device.*cross_validation"):
        fit(devices)


@pytest.mark.parametrize("devices", [1, [0]])
def test_one_device_may_be_chosen(devices):
    assert fit(devices).devices == devices
