from __future__ import annotations

import pytest
import torch
from torch import nn

from hpa.core.errors import InputError
from hpa.supervision.pooling.attention import AttentionPool
from hpa.supervision.pooling.gated_attention import GatedAttentionPool
from hpa.supervision.pooling.mean import MeanPool
from hpa.supervision.pooling.transformer import TransformerPool
from tests.supervision.pooling.bags import CLASSES, PixelNetwork, attached, bags_of

POOLS = [AttentionPool(8), GatedAttentionPool(8), TransformerPool(8, 2, 1, 0.0)]


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: type(pool).__name__)
def test_it_starts_as_the_mean(pool):
    pool.attach(PixelNetwork())
    drawn = bags_of(torch.randn(6, CLASSES), [0, 0, 1, 1, 1, 0])
    assert torch.allclose(drawn.pooled(pool.float()), drawn.pooled(MeanPool()), atol=1e-6)


@pytest.mark.parametrize("pool", POOLS, ids=lambda pool: type(pool).__name__)
def test_it_learns_whom_to_listen_to(pool):
    # The first feature tells which cell speaks the truth; the others' logits are noise.
    attached(pool).train()
    optimizer = torch.optim.Adam(pool.parameters(), lr=0.02)
    generator = torch.Generator().manual_seed(0)
    losses = []
    for _ in range(150):
        truth = torch.randint(0, 2, (8, CLASSES), generator=generator).double()
        logits = 4 * torch.randn(40, CLASSES, dtype=torch.float64, generator=generator)
        drawn = bags_of(logits, [cell // 5 for cell in range(40)])
        speaker = torch.arange(8) * 5 + torch.randint(0, 5, (8,), generator=generator)
        drawn.output.features[:, 0] = 0
        drawn.output.features[speaker, 0] = 2
        drawn.output.logits[speaker] = 4 * (2 * truth - 1)
        loss = nn.functional.binary_cross_entropy_with_logits(drawn.pooled(pool), truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-10:]) < 0.4 * sum(losses[:10])


def test_gated_attention_equals_the_paper_written_out():
    pool = attached(GatedAttentionPool(4))
    drawn = bags_of(torch.randn(3, CLASSES, dtype=torch.float64), [0, 0, 0])
    scores = []
    for feature in drawn.output.features:
        v, u = pool.content.weight @ feature + pool.content.bias, pool.gate.weight @ feature + pool.gate.bias
        scores.append(pool.score.weight @ (torch.tanh(v) / (1 + torch.exp(-u))) + pool.score.bias)
    odds = torch.stack(scores).exp()
    expected = (odds / odds.sum(0) * drawn.output.logits).sum(0)
    assert torch.allclose(drawn.pooled(pool)[0], expected)


def test_heads_that_do_not_divide_the_width_are_told():
    with pytest.raises(InputError, match="head_count must divide"):
        TransformerPool(10, 3, 1, 0.0)
