"""Processes that load data, and the signals that clusters send to all processes of a job at once."""

from __future__ import annotations

import os
import signal
import threading


def outlast_signals_of_the_group(number: int) -> None:
    """Let this process end by SIGTERM of its parent alone, which at a signal to the whole group makes an end in order.

    A loader that they killed would be an error of the parent, before it has saved anything.

    Args:
        number: Of the loader.
    """
    del number
    if not hasattr(signal, "sigwaitinfo"):  # macOS
        return
    watched = {signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1}
    signal.pthread_sigmask(signal.SIG_BLOCK, watched)
    threading.Thread(target=_end_with_parent, args=(watched,), daemon=True).start()


def _end_with_parent(watched: set[signal.Signals]) -> None:
    while True:
        received = signal.sigwaitinfo(watched)
        if received.si_signo == signal.SIGTERM and received.si_pid == os.getppid():
            os._exit(0)
