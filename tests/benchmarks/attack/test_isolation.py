import os
import signal
import time

import pytest

from benchmarks.attack.figures import Figures, Outcome, WrongSuccessError
from benchmarks.attack.isolation import run_isolated
from hpa.core.errors import InputError

FAULTS = ("refused", "crash", "hang", "memory", "wrong", "traceback", "accepted")


def attempt(random, folder):
    """Do one of the things that an attack may find."""
    match FAULTS[random.randrange(len(FAULTS))]:
        case "refused":
            raise InputError("no")
        case "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        case "hang":
            time.sleep(60)
        case "memory":
            return bytearray(2 << 30)
        case "wrong":
            raise WrongSuccessError("accepted")
        case "traceback":
            return {}["missing"]
    return Outcome.ACCEPTED


@pytest.mark.slow
def test_whatever_a_try_does_is_seen_and_the_next_one_runs():
    figures = run_isolated(__name__, 3, 300, tries=30, memory_mb=512, hang_seconds=1)
    assert figures.tries == 30
    found = (figures.crashes, figures.hangs, figures.out_of_memory, figures.wrong_successes, figures.tracebacks)
    assert all(found), figures
    assert sum(found) + figures.refused <= 30
    assert any("died with -11" in failure for failure in figures.failures)
    assert not figures.is_clean


def test_figures_make_a_row():
    figures = Figures("masks", tries=1_000_000, refused=600_000, peak_mb=99.6, seconds=12.4)
    assert str(figures) == "| masks | 1,000,000 | 600,000 | 0 | 0 | 0 | 0 | 0 | 100 MB | 12 s |"
    assert figures.is_clean
