"""Sweeps (`-m`): which jobs there are, which are finished, how they are launched, and what became of them."""


class SweepEnd(SystemExit):
    """The sweep is over; holds the exit code of the job that ended worst."""
