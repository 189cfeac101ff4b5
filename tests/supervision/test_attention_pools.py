from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from hpa.supervision.attention_pools import AttentionPool, GatedAttentionPool
from hpa.supervision.pools import MeanPool
from tests.supervision.bags import CLASSES, PixelNetwork, bags_of, random_weights

MODEL = PixelNetwork()
POOLS = [AttentionPool(8, MODEL), GatedAttentionPool(8, MODEL)]


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: type(pool).__name__)
def test_it_starts_as_the_mean(pool):
    drawn = bags_of(torch.randn(6, CLASSES), [0, 0, 1, 1, 1, 0])
    assert torch.allclose(drawn.pooled(pool), drawn.pooled(MeanPool()), atol=1e-6)


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: type(pool).__name__)
def test_it_learns_which_cells_count(pool):
    # The first feature marks the cell whose logits are right; those of the others are noise.
    pool = random_weights(copy.deepcopy(pool)).train()
    optimizer = torch.optim.Adam(pool.parameters(), lr=0.02)
    generator = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(150):
        truth = torch.randint(0, 2, (8, CLASSES), generator=generator).double()
        logits = 4 * torch.randn(40, CLASSES, dtype=torch.float64, generator=generator)
        drawn = bags_of(logits, [cell // 5 for cell in range(40)])
        marked = torch.arange(8) * 5 + torch.randint(0, 5, (8,), generator=generator)
        drawn.output.features[:, 0] = 0
        drawn.output.features[marked, 0] = 2
        drawn.output.logits[marked] = 4 * (2 * truth - 1)
        loss = nn.functional.binary_cross_entropy_with_logits(drawn.pooled(pool), truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-10:]) < 0.4 * sum(losses[:10])


def test_gated_attention_equals_the_paper_written_out():
    pool = random_weights(GatedAttentionPool(4, MODEL))
    drawn = bags_of(torch.randn(3, CLASSES, dtype=torch.float64), [0, 0, 0])
    scores = []
    for feature in drawn.output.features:
        v, u = pool.content.weight @ feature + pool.content.bias, pool.gate.weight @ feature + pool.gate.bias
        scores.append(pool.score.weight @ (torch.tanh(v) / (1 + torch.exp(-u))) + pool.score.bias)
    odds = torch.stack(scores).exp()
    expected = (odds / odds.sum(0) * drawn.output.logits).sum(0)
    assert torch.allclose(drawn.pooled(pool)[0], expected)
