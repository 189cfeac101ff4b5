from concurrent.futures import ThreadPoolExecutor

import pytest

from hpa.inference.stopwatch import Stopwatch


def test_every_stage_is_timed_even_one_that_fails():
    stopwatch = Stopwatch()
    with stopwatch.stage("read"):
        pass
    with pytest.raises(KeyError), stopwatch.stage("segment"):
        raise KeyError
    assert set(stopwatch.seconds()) == {"read", "segment"}
    assert all(seconds >= 0 for seconds in stopwatch.seconds().values())


def test_times_of_threads_are_added():
    stopwatch = Stopwatch()

    def wait(_):
        with stopwatch.stage("read"):
            pass
        return stopwatch.seconds()["read"]

    with ThreadPoolExecutor(4) as executor:
        seen = list(executor.map(wait, range(50)))
    assert stopwatch.seconds()["read"] == max(seen)
