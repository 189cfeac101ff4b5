"""A loader outlasts what a cluster sends to all processes of a job; its parent can end it."""

import multiprocessing
import signal
import subprocess
import sys
import time

import pytest

from hpa.core.loader_signals import outlast_signals_of_the_group


def load(ready, go_on) -> None:
    outlast_signals_of_the_group(0)
    ready.set()
    go_on.wait()
    sys.exit(7)


@pytest.mark.skipif(not hasattr(signal, "sigwaitinfo"), reason="this system does not say who sent a signal")
@pytest.mark.parametrize("by_parent", [False, True])
def test_only_the_parent_ends_a_loader(by_parent):
    context = multiprocessing.get_context("fork")
    ready, go_on = context.Event(), context.Event()
    loader = context.Process(target=load, args=(ready, go_on))
    loader.start()
    assert ready.wait(30)
    if by_parent:
        loader.terminate()
        loader.join(30)
        assert loader.exitcode == 0
    else:
        for name in ("TERM", "HUP", "USR1"):
            subprocess.run(["kill", f"-{name}", str(loader.pid)], check=True)
        time.sleep(0.05)
        go_on.set()
        loader.join(30)
        assert loader.exitcode == 7
