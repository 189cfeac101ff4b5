from itertools import pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st

from hpa.training.schedule import Constant, WarmUpCosine


@given(steps=st.integers(2, 2000), warm_up=st.floats(0, 0.5), final=st.floats(0, 0.5))
def test_factor_rises_to_one_then_falls_to_the_final_share(steps, warm_up, final):
    schedule = WarmUpCosine(warm_up_share=warm_up, final_share=final)
    factors = [schedule.factor(step, steps) for step in range(steps + 1)]
    peak = max(range(len(factors)), key=factors.__getitem__)
    assert max(factors) == 1.0
    assert all(a <= b for a, b in pairwise(factors[: peak + 1]))
    assert all(a >= b - 1e-12 for a, b in pairwise(factors[peak:]))
    assert abs(factors[-1] - final) < 1e-9


def test_the_scheduler_sets_the_learning_rate():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    scheduler = WarmUpCosine(warm_up_share=0.5, final_share=0.0).schedule(optimizer, total_steps=4)
    rates = []
    for _ in range(4):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    assert rates == [1.0, 2.0, 2.0, 1.0]


def test_constant_keeps_the_rate():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=2.0)
    scheduler = Constant().schedule(optimizer, total_steps=3)
    optimizer.step()
    scheduler.step()
    assert optimizer.param_groups[0]["lr"] == 2.0
