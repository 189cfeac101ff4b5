from functools import partial

import torch
from torch import nn

from hpa.training.clipping import NoClipping
from hpa.training.optimization import Optimization
from hpa.training.schedule import Constant


def test_only_matrices_are_decayed_and_frozen_weights_are_left_out():
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    model[2].requires_grad_(False)
    optimization = Optimization(partial(torch.optim.AdamW, betas=(0.9, 0.99)), 1e-3, 0.1, Constant(), NoClipping(), 0.9)
    optimizer = optimization.build(model.named_parameters())
    decayed, plain = optimizer.param_groups
    assert [tuple(p.shape) for p in decayed["params"]] == [(4, 3)]
    assert sorted(tuple(p.shape) for p in plain["params"]) == [(4,), (4,), (4,)]
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.1, 0.0)
    assert decayed["lr"] == plain["lr"] == 1e-3
