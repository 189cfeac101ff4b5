"""Attacks on the project, seeded and bounded in time: `python -m benchmarks.attack`, `make attack`.

A module of this package is an attack if it defines `run(seed, seconds) -> Figures`. An attack that feeds one input
after the other also defines `attempt(random, folder)` and lets `isolation.run_isolated` call it in processes of limited
memory, so that a crash, a hang or an exhausted memory is seen, counted and survived.
"""
